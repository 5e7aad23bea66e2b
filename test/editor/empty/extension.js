/** The peer of the activation's figures. */
export function activate() {
  // Nothing, on purpose.
}
