declare module '*?example&lang.ts' {}
