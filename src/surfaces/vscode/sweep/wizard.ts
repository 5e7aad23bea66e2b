/**
 * A guide of several steps with a Back that always works, independent of how steps are drawn.
 *
 * Rules: a step that does not apply is passed over in both directions; Back returns to the state as it was left at that
 * step, so that nothing typed later is lost; leaving ends everything and changes nothing.
 */

/** `pass`: the step had nothing to ask after all; Back passes over it, too. */
export type StepAnswer<State> = { readonly kind: 'pass'; readonly state: State } | { readonly kind: 'next'; readonly state: State } | { readonly kind: 'back'; readonly state: State } | { readonly kind: 'leave' };

export interface Place {
  /** From 1. */
  readonly step: number;
  readonly totalSteps: number;
  /** Whether there is a step to go back to. */
  readonly canGoBack: boolean;
}

export interface Step<State> {
  readonly name: string;
  /** A step that mostly has nothing to ask is not counted until it asks. */
  readonly rare?: true;
  applies?(state: State): boolean;
  ask(state: State, place: Place): Promise<StepAnswer<State>>;
}

/** The final state, or undefined where the user left. */
export async function runWizard<State>(start: State, steps: readonly Step<State>[], onState: (state: State) => void = () => undefined): Promise<State | undefined> {
  let state = start;
  let index = 0;
  const visited: number[] = [];
  while (index < steps.length) {
    const step = steps[index];
    if (!step) break;
    if (step.applies?.(state) === false) {
      index += 1;
      continue;
    }
    const answer = await step.ask(state, placeOf(steps, index, state, visited.length > 0));
    if (answer.kind === 'leave') return undefined;
    state = answer.state;
    onState(state);
    if (answer.kind === 'next') visited.push(index);
    if (answer.kind === 'next' || answer.kind === 'pass') index += 1;
    else index = visited.pop() ?? index;
  }
  return state;
}

function placeOf<State>(steps: readonly Step<State>[], index: number, state: State, canGoBack: boolean): Place {
  const counted = steps.map((step, position) => position === index || (step.rare !== true && step.applies?.(state) !== false));
  return { step: counted.slice(0, index + 1).filter(Boolean).length, totalSteps: counted.filter(Boolean).length, canGoBack };
}
