// A loader for next/image (`images.loaderFile`), with `src` an image id: URLs with options, so the account
// must serve flexible variants.

export const loaderFor = (origin, hash) =>
  function loader({ src, width, quality }) {
    const id = src.split("/").map(encodeURIComponent).join("/");
    const options = [`w=${width}`, "fit=scale-down", quality && `q=${quality}`].filter(Boolean);
    return `${origin}/${hash}/${id}/${options.join(",")}`;
  };
