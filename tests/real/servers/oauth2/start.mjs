// Starts oauth2-mock-server on loopback, with its endpoints where X has them: `node start.mjs PORT FOLDER`.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [port, folder] = process.argv.slice(2);
const found = createRequire(pathToFileURL(`${folder}/`)).resolve("oauth2-mock-server");
const { OAuth2Server } = await import(pathToFileURL(found));

const server = new OAuth2Server(undefined, undefined, {
  endpoints: { authorize: "/i/oauth2/authorize", token: "/2/oauth2/token", userinfo: "/2/users/me" },
});
await server.issuer.keys.generate("RS256");

// It knows no users: who has one of its tokens is this one.
server.service.on("beforeUserinfo", (answer, request) => {
  const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
  if (token.split(".").length === 3) {
    answer.body = { data: { id: "7", name: "John Doe", username: "johndoe" } };
  } else {
    answer.statusCode = 401;
    answer.body = { title: "Unauthorized" };
  }
});
// A person who says no, or an answer to another login, when the address asks for it.
server.service.on("beforeAuthorizeRedirect", (redirect, request) => {
  if (request.query.refuse) {
    redirect.url.searchParams.delete("code");
    redirect.url.searchParams.set("error", "access_denied");
  }
  if (request.query.confuse) {
    redirect.url.searchParams.set("state", "another");
  }
});
await server.start(Number(port), "127.0.0.1");
