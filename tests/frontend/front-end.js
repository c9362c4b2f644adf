// The modules under test.

import { register } from "node:module"

const folder = new URL("../../component/frontend/", import.meta.url)

// A `.js` file beside no `package.json` is not taken for a module by every node.
register(
  `data:text/javascript,${encodeURIComponent(`
    export async function resolve(specifier, context, next) {
      const resolved = await next(specifier, context)
      return resolved.url.startsWith(${JSON.stringify(folder.href)}) ? { ...resolved, format: "module" } : resolved
    }
  `)}`,
)

/** @param {string} name Of a module, without its suffix. */
export const load = (name) => import(new URL(`${name}.js`, folder).href)
