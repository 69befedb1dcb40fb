// sharp behind the least HTTP that Node has: GET /<file>?w=800&h=0&format=webp&quality=80, from the folder SOURCES.
import http from "node:http";
import path from "node:path";
import { createRequire } from "node:module";

const require = createRequire(path.join(process.env.PEERS, "package.json"));
const sharp = require("sharp");
// Every request is for another file, so that its cache could only cost memory.
sharp.cache(false);

http.createServer(async (request, response) => {
    try {
        const url = new URL(request.url, "http://localhost");
        const [width, height, quality] = ["w", "h", "quality"].map((name) => Number(url.searchParams.get(name)) || undefined);
        const format = url.searchParams.get("format");
        const body = await sharp(path.join(process.env.SOURCES, path.basename(url.pathname)))
            .rotate().resize({ width, height, fit: "inside", withoutEnlargement: true })
            .toFormat(format, quality && format !== "png" ? { quality } : {}).toBuffer();
        response.writeHead(200, { "content-type": `image/${format}`, "content-length": body.length });
        response.end(body);
    } catch (error) {
        response.writeHead(500).end(String(error));
    }
}).listen(Number(process.env.PORT), "127.0.0.1");
