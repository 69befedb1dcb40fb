// Where the list of images was left to look at one of them.

import { cameFrom, href } from "./app.js";

let left = null;

/** Notes that `image` is opened from the list, which shows so many. */
export function leave(image, shown) {
  left = { address: location.hash, image, shown };
}

/** The address of the list as it was left, with its search. */
export function listAddress() {
  return left?.address || href("images");
}

/** What to show again when the list is come back to; null elsewhere. */
export function returned() {
  return cameFrom("image") && left?.address === location.hash ? left : null;
}
