// Single keys, by where they lie on the keyboard: `data-key` says what a key does on this page.
"use strict";
(() => {
  const CODES = { KeyJ: "j", KeyK: "k", KeyO: "o", Enter: "o", KeyR: "r", KeyE: "e", KeyS: "s", KeyA: "a", KeyN: "n", Slash: "/" };
  const GO = { KeyI: "/inbox", KeyQ: "/queue", KeyA: "/accounts", KeyR: "/discussions", KeyC: "/contacts" };
  // How long `g` waits for the letter after it, in milliseconds.
  const PATIENCE = 1500;
  const OFF = "hub:keys-off";
  const root = document.documentElement;
  root.classList.add("scripted");
  let goes = 0;

  const visible = (one) => one.getClientRects().length > 0 && !one.disabled;
  const all = (selector) => [...document.querySelectorAll(selector)].filter(visible);
  const dialog = () => document.getElementById("keys");
  const remembered = () => { try { return localStorage.getItem(OFF) === "1"; } catch { return false; } };
  let off = remembered();

  const typing = (target) => target instanceof Element
    && target.closest("input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select, [contenteditable]:not([contenteditable=false])") !== null;

  // Rows of a list: the focus goes along them, from the open one if none has it.
  function walk(step) {
    const rows = all("[data-row]");
    if (!rows.length) return false;
    const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
    const open = rows.findIndex((row) => row.getAttribute("aria-current") === "true" || row.closest("[aria-current=true]"));
    const from = at >= 0 ? at : open >= 0 ? open : step > 0 ? -1 : rows.length;
    const next = rows[Math.min(Math.max(from + step, 0), rows.length - 1)];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  }

  function act(key) {
    const found = all(`[data-key~="${CSS.escape(key)}"]`)[0];
    if (!found) return false;
    if (found.matches("input:not([type=submit], [type=button], [type=checkbox]), textarea, select")) {
      found.focus();
      if (key === "/" && found.select) found.select();
    } else if (found.matches("summary")) {
      found.parentElement.open = true;
      found.focus();
    } else {
      found.focus({ preventScroll: true });
      found.click();
    }
    return true;
  }

  function help() {
    const box = dialog();
    if (!box || box.open) return;
    for (const line of box.querySelectorAll("[data-for]")) {
      const key = line.dataset.for;
      const here = key === "send" ? all("form textarea").length
        : all(`[data-key~="${CSS.escape(key)}"]`).length || ("jko".includes(key) && all("[data-row]").length);
      line.hidden = !here;
    }
    const set = box.querySelector("[data-keys-switch]");
    if (set) set.checked = !off;
    box.showModal();
  }

  function send(event) {
    const form = event.target instanceof Element && event.target.closest("form");
    if (!form || form.getAttribute("method") === "dialog") return;
    const button = form.querySelector("[data-key~=send]") || form.querySelector("button:not([type=button]), input[type=submit]");
    event.preventDefault();
    form.requestSubmit(button);
  }

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented) return;
    if (event.code === "Enter" && (event.ctrlKey || event.metaKey) && typing(event.target)) return send(event);
    if (event.code === "Escape") {
      for (const menu of document.querySelectorAll("details[data-menu][open]")) {
        menu.open = false;
        if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      }
      if (event.target.closest?.("dialog")) return;
      if (typing(event.target)) event.target.blur();
      else if (!off && !event.target.closest?.("[data-menu]")) act("Escape");
      return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey || typing(event.target) || event.target.closest?.("dialog")) return;
    if (off) return;
    if (goes && Date.now() - goes < PATIENCE && GO[event.code]) {
      goes = 0;
      event.preventDefault();
      location.assign(GO[event.code]);
      return;
    }
    goes = 0;
    if (event.code === "KeyG") { goes = Date.now(); return; }
    // A question mark lies elsewhere on other layouts, so here the character counts too.
    if (event.key === "?" || (event.code === "Slash" && event.shiftKey)) { event.preventDefault(); return help(); }
    if (event.shiftKey) return;
    const key = event.key === "/" ? "/" : CODES[event.code];
    if (!key) return;
    // Enter does what the focused thing does; elsewhere it opens, as `o`.
    if (event.code === "Enter" && event.target !== document.body && event.target.id !== "main") return;
    if (event.repeat && !"jk".includes(key)) return;
    let done = false;
    if (key === "j" || key === "k") done = walk(key === "j" ? 1 : -1) || act(key);
    else if (key === "o" && document.activeElement?.matches("[data-row]")) { document.activeElement.click(); done = true; }
    else done = act(key);
    if (done) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    if (event.target.closest("[data-keys-help]")) {
      for (const menu of document.querySelectorAll("details[data-menu][open]")) menu.open = false;
      help();
    }
  });

  document.addEventListener("change", (event) => {
    if (!(event.target instanceof Element) || !event.target.matches("[data-keys-switch]")) return;
    off = !event.target.checked;
    try { off ? localStorage.setItem(OFF, "1") : localStorage.removeItem(OFF); } catch { /* a browser without storage forgets it */ }
  });

  // A second click while the first is on its way sends nothing; the server would not take it twice either.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.getAttribute("method")?.toLowerCase() !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 4000);
  });
  addEventListener("pageshow", () => { for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent; });
})();
