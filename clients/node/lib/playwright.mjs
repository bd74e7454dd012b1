import playwright from "./playwright.cjs";

export const { webServer } = playwright;
