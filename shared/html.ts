/** HTML as text, in which what strangers wrote is only ever text. */

/** Text that is HTML already. */
export interface Html {
  readonly html: string
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** For text and for values of attributes in quotes. */
export const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character]!)

/** A template whose values are escaped, but for those that are {@link Html}; `undefined` is nothing. */
export const html = (
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Html | undefined)[]
): Html => ({
  html: parts.reduce((text, part, i) => {
    const value = values[i - 1]
    return text + (typeof value === 'object' ? value.html : escapeHtml(String(value ?? ''))) + part
  }),
})

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:34rem;padding:0 1rem;color:#1b1d22}' +
  'h1{font-size:1.4rem}a.button,button{background:#1b1d22;border:0;border-radius:6px;color:#fff;cursor:pointer;' +
  'display:inline-block;font:inherit;padding:.6rem 1.2rem;text-decoration:none}' +
  'input{border:1px solid #8d97a5;border-radius:6px;font:inherit;padding:.5rem}.error{color:#c00}'

/** A whole page. `head`: what else stands there. */
export const page = (title: string, body: Html, head: Html = { html: '' }): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${{ html: STYLE }}</style>
${head}
</head>
<body>
<h1>${title}</h1>
${body}
</body>
</html>
`.html
