// Serves telegram-test-api on loopback. It knows no chats; the two calls that ask who is where are answered here.
import { createRequire } from "node:module";
import http from "node:http";

const [home, port, channel, group] = process.argv.slice(2);
const require = createRequire(`${home}/`);
const TelegramServer = require("telegram-test-api");
const express = require("express");

const emulator = new TelegramServer({ host: "127.0.0.1", port: Number(port) });
const front = express();
const linked = { [channel]: Number(group), [group]: Number(channel) };

front.get("/bot:token/getChat", (request, response) => {
  const id = request.query.chat_id;
  if (!(id in linked)) {
    response.status(400).json({ ok: false, error_code: 400, description: "Bad Request: chat not found" });
    return;
  }
  const type = id === channel ? "channel" : "supergroup";
  response.json({ ok: true, result: { id: Number(id), type, title: "Our company", linked_chat_id: linked[id] } });
});
front.get("/bot:token/getChatMember", (request, response) => {
  response.json({ ok: true, result: { status: "administrator", can_post_messages: true } });
});
front.use(emulator.webServer);
http.createServer(front).listen(Number(port), "127.0.0.1");
