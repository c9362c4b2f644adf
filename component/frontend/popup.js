// @ts-check
/** The popup window in which the user signs in. */

/** How often an open popup is checked for having been closed. */
export const POPUP_POLL_MS = 400

/**
 * The features of the popup: in the middle of the window, as large as a sign-in page needs and the window allows.
 * @param {{ screenX: number, screenY: number, outerWidth: number, outerHeight: number }} at
 * @returns {string}
 */
export function popupFeatures(at) {
  const width = Math.min(480, at.outerWidth)
  const height = Math.min(680, at.outerHeight)
  const left = Math.round(at.screenX + (at.outerWidth - width) / 2)
  const top = Math.round(at.screenY + (at.outerHeight - height) / 2)
  return `popup,width=${width},height=${height},left=${left},top=${top}`
}

/**
 * Open the popup. A browser allows that in a click of the user only.
 * @param {string} url
 * @returns {Window | null} Null where the browser blocks it.
 */
export function openPopup(url) {
  return window.open(url, "gatehouse-sign-in", popupFeatures(window))
}
