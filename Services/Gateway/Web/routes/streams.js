import { notFoundPage } from "./not-found.js";
export const streamsPage = notFoundPage;
