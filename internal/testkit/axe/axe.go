// Package axe is the accessibility checker axe-core 4.14.1 for tests that drive a
// browser. The script is its authors' (Mozilla Public License 2.0, beside it),
// unchanged; nothing of it is in the product.
//
// It owns the expressions that a test evaluates in a page: Missing, then Script when
// that is true, then Found or FoundButColours, which are promises. It does not own
// the browser.
//
// Always true: a violation is named with the elements it was found on.
package axe

import _ "embed"

// Script gives the page the checker.
//
//go:embed axe.min.js
var Script string

const (
	// Missing is true of a page that has no checker yet.
	Missing = `typeof axe === "undefined"`
	// Found checks the page as it stands and promises the list of violations, as strings.
	Found = `axe.run(document, {resultTypes: ["violations"]})` + named
	// FoundButColours is Found without the contrast of colours, which costs more than
	// all the rest.
	FoundButColours = `axe.run(document, {resultTypes: ["violations"], rules: {"color-contrast": {enabled: false}}})` + named

	named = `.then(
		r => r.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(" | ")),
		e => ["the check failed: " + e])`
)
