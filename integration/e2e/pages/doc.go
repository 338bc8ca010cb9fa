// Package pages holds the tests of the pages that stats and eval write: made by
// the real program from a real journal, and looked at in a real browser.
package pages
