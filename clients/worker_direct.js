// Calls the signing function of a Worker with the URL in the body, queries and all: the Worker's own
// `fetch` takes no query.

import { generateSignedUrl } from "worker.js";

export default {
  async fetch(request, env) {
    const signed = await generateSignedUrl(new URL(await request.text()), env.IMAGES_SIGNING_KEY);
    return signed instanceof Response ? signed : new Response(signed);
  },
};
