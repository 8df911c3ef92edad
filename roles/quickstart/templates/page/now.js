/* SPDX-FileCopyrightText: the trustmesh.security contributors
 * SPDX-License-Identifier: GPL-3.0-or-later */
// Draws "now" into the time lines; the page is complete without it.
(() => {
  const now = Date.now();
  for (const line of document.querySelectorAll("line.now")) {
    const from = Date.parse(line.dataset.from), to = Date.parse(line.dataset.to);
    const share = (now - from) / (to - from);
    if (share < 0 || share > 1) continue;
    const x = Number(line.dataset.left) + share * Number(line.dataset.width);
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    line.removeAttribute("visibility");
    const text = document.getElementById("now-text");
    text.hidden = false;
    text.querySelector("time").textContent = new Date(now).toISOString().slice(0, 16).replace("T", " ");
  }
})();
