/** The page's end of the protocol: sends what fits it, and hands on only what parsed. */
import * as z from 'zod/mini';
import { toPage, views, type RequestInput, type RequestName, type RequestOutput, type ToHost, type ToPage, type ViewName } from '../protocol.ts';
import type { VsCodeApi } from './vscodeApi.ts';

interface Asked {
  readonly take: (value: unknown) => void;
  readonly refuse: (message: string) => void;
}

export class HostPort {
  private readonly api: VsCodeApi;
  private readonly asked = new Map<number, Asked>();
  private lastId = 0;

  constructor(api: VsCodeApi, receive: (message: ToPage) => void) {
    this.api = api;
    window.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      const message = z.safeParse(toPage, data);
      if (!message.success) return this.tell(new Error(`A message that does not fit: ${z.prettifyError(message.error)}`));
      if (message.data.type === 'answer') this.settle(message.data.id, (asked, { value }) => asked.take(value), message.data);
      else if (message.data.type === 'refusal') this.settle(message.data.id, (asked, { message: why }) => asked.refuse(why), message.data);
      else receive(message.data);
    });
    window.addEventListener('error', ({ error, message }) => this.tell(error instanceof Error ? error : new Error(message)));
    window.addEventListener('unhandledrejection', ({ reason }) => this.tell(reason instanceof Error ? reason : new Error(String(reason))));
  }

  send(message: ToHost): void {
    this.api.postMessage(message);
  }

  /** Rejects with an Error whose message is for people; with the signal's reason where the asker gave up. */
  request<Name extends ViewName, Request extends RequestName<Name>>(view: Name, subscription: number, name: Request, input: RequestInput<Name, Request>, signal?: AbortSignal): Promise<RequestOutput<Name, Request>> {
    const { output } = (views[view].requests as Readonly<Record<string, { readonly output: z.ZodMiniType }>>)[name] ?? { output: z.never() };
    const id = (this.lastId += 1);
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      this.asked.set(id, { take: (value) => resolve(z.parse(output, value) as RequestOutput<Name, Request>), refuse: (message) => reject(new Error(message)) });
      signal?.addEventListener('abort', () => {
        if (!this.asked.delete(id)) return;
        this.send({ type: 'cancel', id });
        reject(signal.reason as Error);
      });
      this.send({ type: 'request', id, subscription, name, input });
    });
  }

  /** A defect goes to the extension's log: nobody looks into a page's console. */
  tell(error: Error): void {
    this.send({ type: 'defect', message: error.message, stack: error.stack ?? '' });
  }

  private settle<Message extends { readonly id: number }>(id: number, use: (asked: Asked, message: Message) => void, message: Message): void {
    const asked = this.asked.get(id);
    this.asked.delete(id);
    if (!asked) return;
    try {
      use(asked, message);
    } catch (error) {
      asked.refuse(error instanceof Error ? error.message : String(error));
    }
  }
}
