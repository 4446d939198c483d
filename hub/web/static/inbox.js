/* What the inbox does by itself: marks what is opened as read, says who is answering, puts saved replies into the box. */
(() => {
  "use strict";
  // A claim lasts two minutes on the server; while somebody types it is renewed, in milliseconds.
  const RENEW = 45000;
  let claimed = 0;

  const post = (url, fields = {}) =>
    fetch(url, { method: "POST", body: new URLSearchParams(fields), redirect: "manual", credentials: "same-origin" }).catch(() => null);

  const claim = (area) => {
    const form = area.closest("form[data-claim]");
    if (!form || Date.now() - claimed < RENEW) return;
    claimed = Date.now();
    post(form.dataset.claim);
  };

  const insert = (area, text) => {
    const at = area.selectionStart ?? area.value.length;
    area.value = area.value.slice(0, at) + text + area.value.slice(area.selectionEnd ?? at);
    area.selectionStart = area.selectionEnd = at + text.length;
    area.dispatchEvent(new Event("input", { bubbles: true }));
    area.focus();
  };

  const settle = () => {
    const opened = document.querySelector("[data-unread]");
    if (opened) {
      const url = opened.dataset.unread;
      delete opened.dataset.unread;
      post(url);
    }
    // A page that answers a form stands at an address that cannot be asked again; this is the one that can.
    const panes = document.getElementById("panes");
    if (panes?.dataset.here && location.pathname !== new URL(panes.dataset.here, location.href).pathname) {
      history.replaceState(history.state, "", panes.dataset.here);
    }
    claimed = 0;
  };

  document.addEventListener("focusin", (event) => {
    if (event.target.id === "reply-text") claim(event.target);
  });
  document.addEventListener("input", (event) => {
    if (event.target.id === "reply-text") claim(event.target);
  });
  document.addEventListener("keydown", (event) => {
    const area = event.target;
    if (event.key === "/" && area.id === "reply-text" && area.value === "" && !event.isComposing) {
      const select = document.getElementById("saved-reply");
      if (select) {
        event.preventDefault();
        select.focus();
        select.showPicker?.();
      }
    }
  });
  document.addEventListener("change", (event) => {
    const select = event.target;
    if (!select.dataset?.into || !select.value) return;
    insert(document.getElementById(select.dataset.into), select.selectedOptions[0].dataset.text);
    select.value = "";
  });
  // The focus follows the remark that was chosen, so that a screen reader reads it and the next Tab is in it.
  document.addEventListener("htmx:after:swap", (event) => {
    const target = event.detail?.ctx?.target ?? event.target;
    if (target?.id !== "panes" && event.target?.id !== "panes") return;
    settle();
    if (document.activeElement?.matches?.("[data-row]")) return;
    document.getElementById("opened")?.focus({ preventScroll: true });
  });
  settle();
})();
