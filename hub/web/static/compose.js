/* Shows what goes out while it is typed: counts at once in the browser, and asks the server for the parts when the
   typing stops. The server's word is the last; without this file the button "Preview" does the same. */
(() => {
  "use strict";
  const form = document.querySelector("form.compose");
  if (!form) return;
  const DELAY = 400;
  let timer = 0;
  let asked = 0;
  let sent = false;
  // What the page said when it came stays until the server has another complaint.
  let complained = false;

  const value = (name) => (form.elements[name] ? form.elements[name].value : "");
  const lines = (text) => text.replace(/\r\n?/g, "\n").trim();

  // The text as the server puts it together: the title, the text, the mark of an ad, the link.
  const whole = (account, output) => {
    let text = lines(value(`version-${account}`)) || lines(value("text"));
    const ad = ["advertiser", "erid"].map((name) => value(name).trim());
    if (ad[0] || ad[1]) {
      const mark = ["Реклама.", ad[0], ad[1] && `erid: ${ad[1]}`].filter(Boolean).join(" ");
      text = text ? `${text}\n\n${mark}` : mark;
    }
    const title = lines(value("title"));
    if (output.dataset.titleIn === "text" && title && !text.toLowerCase().startsWith(title.toLowerCase())) {
      text = text ? `${title}\n\n${text}` : title;
    }
    const link = value("link").trim();
    if (output.dataset.linkIn === "text" && link && !text.includes(link)) text = text ? `${text}\n\n${link}` : link;
    return text;
  };

  const count = () => {
    if (!window.crosshub || !window.crosshub.count) return;
    const media = form.querySelector('input[name="media"]') !== null;
    for (const output of document.querySelectorAll("#previews .compose-count")) {
      const limits = JSON.parse(output.dataset.limits);
      const most = media ? limits.maximumWithMedia : limits.maximum;
      const used = window.crosshub.count(whole(output.closest("[data-account]").dataset.account, output), limits);
      const template = most ? output.dataset.of : output.dataset.free;
      output.textContent = template.replace("{used}", used).replace("{most}", most).replace("{unit}", output.dataset.unit);
      output.classList.toggle("over", Boolean(most) && used > most);
    }
  };

  // A text of its own is offered for the accounts that are chosen; one that is written stays in sight.
  const offer = () => {
    for (const details of form.querySelectorAll("[data-version]")) {
      const name = details.dataset.version;
      const box = form.querySelector(`input[name="account"][value="${CSS.escape(name)}"]`);
      details.hidden = !box.checked && !lines(value(`version-${name}`));
    }
  };

  const swap = (page, id) => {
    const fresh = page.getElementById(id);
    const old = document.getElementById(id);
    if (fresh && old) old.replaceWith(document.adoptNode(fresh));
  };

  const preview = async () => {
    const number = ++asked;
    const data = new FormData(form);
    data.set("do", "preview");
    const files = form.elements.image.files.length > 0;
    const region = document.getElementById("previews");
    region.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body: data, credentials: "same-origin" });
      const text = await answer.text();
      if (number !== asked || sent || answer.redirected) return;
      const page = new DOMParser().parseFromString(text, "text/html");
      if (!page.getElementById("previews")) return;
      swap(page, "previews");
      if (answer.status === 422 || complained) swap(page, "said");
      complained = answer.status === 422;
      // Only when images came or went: what is being typed beside them must not be replaced.
      if (files) swap(page, "pictures");
      count();
    } catch { /* the next keystroke asks again */ } finally {
      document.getElementById("previews").removeAttribute("aria-busy");
    }
  };

  const soon = (delay) => {
    clearTimeout(timer);
    timer = setTimeout(preview, delay);
  };

  form.addEventListener("input", (event) => {
    if (event.target.name === "at" && event.target.value) {
      form.querySelector('input[name="when"][value="at"]').checked = true;
    }
    if ("alt" in event.target.dataset) {
      document.getElementById(event.target.id.replace("alt-", "no-alt-")).hidden = event.target.value.trim() !== "";
    }
    offer();
    count();
    soon(event.target.type === "file" ? 0 : DELAY);
  });
  form.addEventListener("submit", (event) => {
    // Twice pressed is once meant; the key of the form sees to it where this does not run.
    if (sent) event.preventDefault();
    sent = true;
    clearTimeout(timer);
  });
  // What the browser fills in again after the way back is there only now.
  addEventListener("pageshow", () => { sent = false; offer(); });
  offer();
  count();
})();
