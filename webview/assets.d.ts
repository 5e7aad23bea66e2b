/** Style sheets that esbuild collects into dist/webview.css. */
declare module '*.css';
