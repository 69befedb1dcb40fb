// The three ways by which a page uploads to a link: a form without script, fetch, and Uppy. What came of
// each is left in `window.results`.

import Uppy from "@uppy/core";
import XHRUpload from "@uppy/xhr-upload";

window.results = {};

const link = async () => (await fetch("/link", { method: "POST" })).json();

async function byFetch(file) {
  const { id, uploadURL } = await link();
  const send = async () => {
    const body = new FormData();
    body.append("file", file);
    const answer = await fetch(uploadURL, { method: "POST", body });
    return { status: answer.status, text: await answer.text() };
  };
  return { id, first: await send(), second: await send() };
}

async function byUppy(file) {
  const { id, uploadURL } = await link();
  const uppy = new Uppy().use(XHRUpload, { endpoint: uploadURL, fieldName: "file", shouldRetry: () => false });
  const progress = [];
  uppy.on("upload-progress", (_, { bytesUploaded }) => progress.push(bytesUploaded));
  uppy.addFile({ name: file.name, type: file.type, data: file });
  const { successful, failed } = await uppy.upload();
  const body = successful[0]?.response.body;
  return { id, body, failed: failed.map((file) => file.error), progress: progress.length };
}

for (const [id, send] of [
  ["by-fetch", byFetch],
  ["by-uppy", byUppy],
]) {
  document.getElementById(id).addEventListener("change", async ({ target }) => {
    window.results[id] = await send(target.files[0]).catch((error) => ({ error: String(error) }));
  });
}

link().then(({ id, uploadURL }) => {
  const form = document.getElementById("plain");
  form.action = uploadURL;
  form.dataset.id = id;
});
