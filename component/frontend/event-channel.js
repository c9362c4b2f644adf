// @ts-check
/**
 * The front end's end of the event channel: numbers events, and sends them until the host has acknowledged them. The
 * names of the fields are those of the Python side (`component/event_channel.py`).
 */

/**
 * What goes to the host: all events that it has not acknowledged, each time.
 * @typedef {object} QueuedEvent
 * @property {number} seq
 * @property {string} name
 * @property {"front-end"} source
 * @property {Record<string, unknown>} data
 *
 * @typedef {object} OutgoingMessage
 * @property {string} channel The end of the host that it is meant for.
 * @property {number} received The number of the last reply that was received.
 * @property {number} sent A counter, so that a message that is sent again differs from the one before.
 * @property {QueuedEvent[]} queue
 *
 * @typedef {"events" | "background"} StateKey The key of a state; or of a trigger, which is no use of the session.
 */

/**
 * What comes from the host.
 * @typedef {object} WebResponse
 * @property {number} status
 * @property {string} contentType
 * @property {string} body
 * @property {number} elapsedMs
 * @property {boolean} complete
 *
 * @typedef {object} Reply
 * @property {number} number Counts the replies.
 * @property {number} seq The event that it replies to; 0 for none of them.
 * @property {WebResponse} [web]
 * @property {string} [goTo]
 * @property {{ code: string, message: string }} [error]
 *
 * @typedef {object} HostMessage
 * @property {string} channel
 * @property {number} acknowledged The last event that the host has acknowledged.
 * @property {Reply[]} answers
 * @property {string[]} events The names of the events that the host takes.
 */

const REPLY_TIMEOUT_MS = 30_000
const RESEND_MS = [3_000, 6_000, 12_000, 24_000]
const MAX_QUEUE = 32
const MAX_EVENT_CHARACTERS = 16_384

/** Why an event failed, in the host's words or in those of the front end. */
export class ChannelError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message)
    this.code = code
  }
}

export class EventChannel {
  /**
   * @param {(key: StateKey, message: OutgoingMessage) => void} send
   * @param {{ setTimeout: (act: () => void, delay: number) => any, clearTimeout: (timer: any) => void }} [timers]
   */
  constructor(send, timers = globalThis) {
    this.send = send
    this.timers = timers
    this.channel = ""
    this.received = 0
    this.lastSeq = 0
    this.sent = 0
    this.attempts = 0
    this.isBackground = true
    /** @type {string[]} */
    this.allowed = []
    /** @type {QueuedEvent[]} */
    this.queue = []
    /** @type {Map<number, { resolve: (reply: Reply | null) => void, reject: (error: ChannelError) => void }>} */
    this.pending = new Map()
    /** @type {any} */
    this.timer = undefined
    /** @type {(error: ChannelError) => void} Called for an error that belongs to no event. */
    this.onChannelError = () => {}
  }

  /**
   * Send an event to the host. Events that are emitted in one go arrive in one message, in their order.
   * @param {string} name
   * @param {Record<string, unknown>} data
   * @param {{ background?: boolean, timeoutMs?: number }} [options] `background`: it does not count as use of the session.
   * @returns {Promise<Reply | null>} The host's reply; null when it only acknowledged. Rejects with `ChannelError`.
   */
  emit(name, data, { background = false, timeoutMs = REPLY_TIMEOUT_MS } = {}) {
    if (!this.channel || !this.allowed.includes(name)) {
      return Promise.reject(new ChannelError("not-allowed", "This component does not take events of that name."))
    }
    if (this.queue.length >= MAX_QUEUE) {
      const text = "Too much is waiting to be sent already. Try again in a moment."
      return Promise.reject(new ChannelError("too-many", text))
    }
    if (JSON.stringify(data).length > MAX_EVENT_CHARACTERS) {
      return Promise.reject(new ChannelError("too-large", "That is more than can be sent at once."))
    }
    const seq = ++this.lastSeq
    this.queue.push({ seq, name, source: "front-end", data })
    this.isBackground &&= background
    this.attempts = 0
    this.schedule(() => this.flush(), 0)
    return new Promise((resolve, reject) => {
      const limit = this.timers.setTimeout(() => {
        const text = "There was no answer. Check your connection."
        if (this.pending.delete(seq)) reject(new ChannelError("no-answer", text))
      }, timeoutMs)
      /**
       * @template T
       * @param {(value: T) => void} settle
       * @returns {(value: T) => void}
       */
      const inTime = (settle) => (value) => {
        this.timers.clearTimeout(limit)
        settle(value)
      }
      this.pending.set(seq, { resolve: inTime(resolve), reject: inTime(reject) })
    })
  }

  /** @param {HostMessage} message What the host sends, with each draw. */
  receive(message) {
    const acknowledged = message.acknowledged
    this.allowed = message.events
    if (message.channel !== this.channel) {
      // Another end: the server was restarted, or has lost its state. Pending events may have been handled or not, and
      // none is sent twice.
      this.rejectAll(new ChannelError("lost", "The connection was re-established meanwhile. Try again."))
      this.channel = message.channel
      this.received = 0
      this.lastSeq = acknowledged
    }
    this.lastSeq = Math.max(this.lastSeq, acknowledged)
    this.queue = this.queue.filter((event) => event.seq > acknowledged)
    for (const reply of message.answers) {
      if (reply.number > this.received) this.settle(reply, acknowledged)
    }
    for (const [seq, waiting] of this.pending) {
      if (seq > acknowledged) continue
      this.pending.delete(seq)
      waiting.resolve(null)
    }
    if (this.queue.length === 0) {
      this.timers.clearTimeout(this.timer)
      this.isBackground = true
    }
  }

  /**
   * @param {Reply} reply
   * @param {number} acknowledged
   */
  settle(reply, acknowledged) {
    this.received = reply.number
    const error = reply.error && new ChannelError(reply.error.code, reply.error.message)
    const waiting = this.pending.get(reply.seq)
    this.pending.delete(reply.seq)
    if (waiting && error) waiting.reject(error)
    else if (waiting) waiting.resolve(reply)
    else if (error && reply.seq === 0) {
      this.rejectAll(error)
      this.lastSeq = acknowledged
      this.onChannelError(error)
    }
  }

  stop() {
    this.timers.clearTimeout(this.timer)
    this.rejectAll(new ChannelError("gone", "This is no longer on the page."))
  }

  /** @param {ChannelError} error Rejects every pending event, and empties the queue. */
  rejectAll(error) {
    this.queue = []
    const pending = [...this.pending.values()]
    this.pending.clear()
    for (const waiting of pending) waiting.reject(error)
  }

  flush() {
    if (this.queue.length === 0) return
    this.sent += 1
    const message = { channel: this.channel, received: this.received, sent: this.sent, queue: [...this.queue] }
    this.send(this.isBackground ? "background" : "events", message)
    const delay = RESEND_MS[this.attempts++]
    if (delay !== undefined) this.schedule(() => this.flush(), delay)
  }

  /**
   * @param {() => void} act
   * @param {number} delay Milliseconds.
   */
  schedule(act, delay) {
    this.timers.clearTimeout(this.timer)
    this.timer = this.timers.setTimeout(act, delay)
  }
}
