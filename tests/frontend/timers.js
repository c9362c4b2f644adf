/** Timers that a test runs. */
export class Timers {
  constructor() {
    this.now = 0
    this.next = 1
    this.waiting = new Map()
  }

  setTimeout(act, delay) {
    this.waiting.set(this.next, { at: this.now + delay, act })
    return this.next++
  }

  clearTimeout(timer) {
    this.waiting.delete(timer)
  }

  setInterval(act, delay) {
    const timer = this.next
    const again = () => {
      this.waiting.set(timer, { at: this.now + delay, act: again })
      act()
    }
    this.waiting.set(this.next++, { at: this.now + delay, act: again })
    return timer
  }

  pass(ms) {
    const until = this.now + ms
    for (;;) {
      const due = [...this.waiting].filter(([, { at }]) => at <= until).sort((a, b) => a[1].at - b[1].at)[0]
      if (!due) break
      this.waiting.delete(due[0])
      this.now = due[1].at
      due[1].act()
    }
    this.now = until
  }
}

/** Waits until promises that are settled have run what waits for them. */
export const settled = () => new Promise((resolve) => setImmediate(resolve))
