/** The count of what was delivered into a mailbox in memory, which tells whether all of it has its place. */

/** Counts deliveries by this process; on a shared store others deliver too. */
export class ArrivalCount {
  #arrived = 0;
  /** So many of them have their place; -1: what was there before has not been looked for. */
  #numbered = -1;

  /** How many there were since the mailbox is in memory. */
  get arrived(): number {
    return this.#arrived;
  }

  /** Has all of them its place, and what was there before? */
  get areNumbered(): boolean {
    return this.#numbered === this.#arrived;
  }

  /** A message was delivered. */
  add(): void {
    this.#arrived++;
  }

  /** Nothing waits that was there when so many had been delivered. */
  sawNothingWait(arrived: number): void {
    this.#numbered = Math.max(this.#numbered, arrived);
  }
}
