/**
 * The page's frame. Its policy lets in our one script (by nonce) and our style sheet (the toolkit tries out a rule of its own, by nonce), nothing else: no inline script or style, no
 * connection, no frame. Images may be data: a chart that is saved is one.
 */
export interface PageFiles {
  readonly script: string;
  readonly style: string;
  /** The webview's own source, as the policy names it. */
  readonly cspSource: string;
  readonly nonce: string;
  readonly language: string;
}

// not translated: markup and a policy
export function pageHtml({ script, style, cspSource, nonce, language }: PageFiles): string {
  const policy = ["default-src 'none'", `script-src 'nonce-${nonce}'`, `style-src ${cspSource} 'nonce-${nonce}'`, `img-src ${cspSource} data: blob:`, `font-src ${cspSource}`, "form-action 'none'", "base-uri 'none'"].join('; ');
  return `<!DOCTYPE html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta property="csp-nonce" content="${nonce}">
<title>HPC Agent</title>
<link rel="stylesheet" href="${style}">
</head>
<body>
<div id="page"></div>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>
`;
}
