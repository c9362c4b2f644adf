// Text that is cut off when a user widens its spacing to the values of WCAG 2.2, 1.4.12.
window.gatehouseTextSpacing = (() => {
  const SPACING = `* {
    line-height: 1.5 !important;
    letter-spacing: 0.12em !important;
    word-spacing: 0.16em !important;
  }
  p { margin-bottom: 2em !important; }`
  // Ligatures of an icon font are one glyph: with spacing between their letters they would be words.
  const ICONS = `[data-testid=stIconMaterial], [class*=icon], [class*=Icon] { letter-spacing: normal !important; }`
  const TOLERANCE = 2 // pixels
  const ABOVE_CAPITALS = 0.2 // of the font's size: the box of a text has that much empty space at least

  const parentOf = (node) => node.parentElement ?? node.getRootNode().host ?? null

  const roots = function* (root = document) {
    yield root
    for (const element of root.querySelectorAll("*")) if (element.shadowRoot) yield* roots(element.shadowRoot)
  }

  /** Set the spacing everywhere, shadow trees included. */
  const widen = () => {
    for (const root of [...roots()]) {
      const style = document.createElement("style")
      style.textContent = SPACING + ICONS
      style.className = "gatehouse-text-spacing"
      ;(root.head ?? root).append(style)
    }
  }

  /** Set it back. */
  const restore = () => {
    for (const root of [...roots()]) root.querySelectorAll(".gatehouse-text-spacing").forEach((style) => style.remove())
  }

  const isForScreenReaders = ({ width, height }) => width <= 1 || height <= 1

  /** The ancestor that cuts off a part of the box without a way to scroll to it. */
  const cutter = (element, box) => {
    const top = box.top + ABOVE_CAPITALS * parseFloat(getComputedStyle(element).fontSize)
    for (let node = element; node && node !== document.body; node = parentOf(node)) {
      const { overflowX, overflowY, textOverflow, webkitLineClamp, position } = getComputedStyle(node)
      const frame = node.getBoundingClientRect()
      if (isForScreenReaders(frame)) return null
      if (webkitLineClamp !== "none") return null // ends with "…", as a line with an ellipsis does; a press shows it all
      const sideways = box.right > frame.right + TOLERANCE || box.left < frame.left - TOLERANCE
      const downwards = box.bottom > frame.bottom + TOLERANCE || top < frame.top - TOLERANCE
      if (/auto|scroll/.test(overflowX) && sideways) return null
      if (/auto|scroll/.test(overflowY) && downwards) return null
      if (/hidden|clip/.test(overflowX) && sideways && textOverflow !== "ellipsis") return node
      if (/hidden|clip/.test(overflowY) && downwards) return node
      if (position === "fixed") return null
    }
    return null
  }

  const name = (element) =>
    [element.localName, element.closest("[class*=st-key-]")?.className.match(/st-key-[\w-]+/)?.[0], element.dataset?.testid]
      .filter(Boolean)
      .join(" ")

  /** A line for each text that is cut off. */
  const problems = () => {
    const lines = new Set()
    const range = document.createRange()
    for (const root of roots()) {
      const texts = document.createTreeWalker(root === document ? document.body : root, NodeFilter.SHOW_TEXT)
      for (let text = texts.nextNode(); text; text = texts.nextNode()) {
        const element = text.parentElement ?? root.host
        if (!text.data.trim() || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue
        range.selectNodeContents(text)
        const box = range.getBoundingClientRect()
        if (box.width === 0) continue
        const node = cutter(element, box)
        if (node) lines.add(`"${text.data.trim().slice(0, 40)}" is cut off by ${name(node)}`)
      }
    }
    return [...lines]
  }

  return { widen, restore, problems }
})()
