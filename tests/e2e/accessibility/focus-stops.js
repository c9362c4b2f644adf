// What a press of Tab leads to: the control that has the focus, and whether its focus can be seen.
window.gatehouseFocusStops = (() => {
  const OUTLINE_PIXELS = 2
  const ANCESTORS = 6

  const parentOf = (node) => node.parentElement ?? node.getRootNode().host ?? null

  const parse = (text) => {
    const canvas = (window.gatehouseCanvas ??= document.createElement("canvas").getContext("2d", { willReadFrequently: true }))
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = text
    canvas.fillRect(0, 0, 1, 1)
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data
    return [red, green, blue, alpha / 255]
  }
  const over = (top, bottom) => [0, 1, 2].map((i) => top[i] * top[3] + bottom[i] * (1 - top[3])).concat(1)

  /** The colour behind an element: the backgrounds of its ancestors on one another. */
  const background = (element) => {
    const layers = []
    for (let node = element; node; node = parentOf(node)) {
      const colour = parse(getComputedStyle(node).backgroundColor)
      layers.push(colour)
      if (colour[3] === 1) break
    }
    return layers.reduceRight((below, layer) => over(layer, below), [255, 255, 255, 1])
  }

  const luminance = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((value) => {
      const part = value / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const contrast = (first, second) => {
    const [dark, light] = [luminance(first), luminance(second)].sort((a, b) => a - b)
    return (light + 0.05) / (dark + 0.05)
  }

  const focused = () => {
    let element = document.activeElement
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement
    return element
  }

  const path = (element) => {
    const key = element.closest("[class*=st-key-]")?.className.match(/st-key-[\w-]+/)?.[0]
    const place = element.closest("[data-testid]")?.dataset.testid ?? ""
    const name = element.getAttribute("aria-label") ?? element.textContent?.trim().slice(0, 40) ?? ""
    return [element.localName, element.id && `#${element.id}`, key && `.${key}`, place && `[${place}]`, name && `"${name}"`].filter(Boolean).join(" ")
  }

  /** The element around which the outline is: the control, or a part of the page that contains it. */
  const outlined = (element) => {
    let node = element
    for (let step = 0; node && step < ANCESTORS; step += 1, node = parentOf(node)) {
      const { outlineStyle, outlineWidth } = getComputedStyle(node)
      const { width, height } = node.getBoundingClientRect()
      const isHidden = width <= 1 || height <= 1 // an input for screen readers, in a label that is drawn
      if (!isHidden && outlineStyle !== "none" && parseFloat(outlineWidth) >= OUTLINE_PIXELS) return node
    }
    return null
  }

  const deepElementAt = (x, y) => {
    let element = document.elementFromPoint(x, y)
    while (element?.shadowRoot) {
      const inner = element.shadowRoot.elementFromPoint(x, y)
      if (!inner || inner === element) break
      element = inner
    }
    return element
  }
  const contains = (outer, node) => {
    for (; node; node = parentOf(node)) if (node === outer) return true
    return false
  }
  const isTransparent = (node) => {
    for (; node; node = parentOf(node)) if (getComputedStyle(node).opacity === "0") return true
    return false
  }
  const isInView = (element) => {
    if (isTransparent(element)) return false
    const { left, right, top, bottom } = element.getBoundingClientRect()
    const points = [[0.5, 0.5], [0.1, 0.2], [0.9, 0.2], [0.1, 0.8], [0.9, 0.8]]
    return points.some(([x, y]) => {
      const hit = deepElementAt(left + (right - left) * x, top + (bottom - top) * y)
      return hit && (contains(element, hit) || contains(hit, element))
    })
  }

  const outlineProblem = (element) => {
    const outline = outlined(element)
    if (!outline) return "its focus has no outline"
    const outside = parseFloat(getComputedStyle(outline).outlineOffset) >= 0
    const around = background(outside ? parentOf(outline) ?? outline : outline)
    const ratio = contrast(over(parse(getComputedStyle(outline).outlineColor), around), around)
    return ratio < 3 ? `its outline has a contrast of ${ratio.toFixed(2)}` : ""
  }

  const stops = []
  /** Control → the element with its outline, and what is wrong with the outline. */
  const controls = new Map()
  document.addEventListener("keyup", (event) => {
    if (event.key !== "Tab") return
    const element = focused()
    const isOutside = !element || element === document.body || element === document.documentElement
    stops.push(isOutside ? null : element)
    if (!isOutside) controls.set(element, { outline: outlined(element) ?? element, text: outlineProblem(element), inView: isInView(outlined(element) ?? element) })
  }, true)

  const drawn = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
  /** Whether it is in view when it has the focus, once the page has scrolled. */
  const comesIntoView = async (element, outline) => {
    element.focus()
    await drawn()
    return isInView(outline)
  }

  return {
    /** Whether a Tab has left the page, or led to a control for the second time. */
    isRound: () => stops.includes(null) || new Set(stops).size < stops.length,
    /** @param {string[]} known Selectors of controls whose focus is known not to be visible. */
    problems: async (known) => {
      const problems = []
      for (const [element, { outline, text, inView }] of controls) {
        const problem = text || (inView || !element.isConnected || (await comesIntoView(element, outline)) ? "" : "it is out of view")
        if (!problem) continue
        problems.push({ known: known.findIndex((selector) => element.matches(selector)), text: `${path(element)}: ${problem}` })
      }
      return problems
    },
  }
})()
