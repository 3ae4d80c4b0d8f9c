// The view library, in one published file: Preact, its hooks and htm.
export {
  html, render, Component, useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useErrorBoundary,
} from "./vendor/htm-preact.js";
