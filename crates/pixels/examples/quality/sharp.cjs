// Encodes every PNG of a folder by sharp with its defaults, beside itself.
const { readdirSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const sharp = require('sharp');

const folder = process.argv[1];
const engines = { jpeg: (s) => s.jpeg(), webp: (s) => s.webp(), avif: (s) => s.avif(), 'sharp.png': (s) => s.png() };

(async () => {
  sharp.concurrency(1);
  for (const name of readdirSync(folder).filter((name) => /^\d+\.png$/.test(name))) {
    for (const [ending, encode] of Object.entries(engines)) {
      const file = await encode(sharp(join(folder, name))).toBuffer();
      writeFileSync(join(folder, name.replace('png', ending)), file);
    }
  }
})();
