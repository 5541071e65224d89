// Package axe is the accessibility checker axe-core 4.14.1 for tests that drive a
// browser. The script is its authors' (Mozilla Public License 2.0, beside it),
// unchanged; nothing of it is in the product.
//
// It owns the three expressions that a test evaluates in a page, in order: Start,
// then Done until it is true, then Found. It does not own the browser.
//
// Always true: a violation is named with the elements it was found on.
package axe

import _ "embed"

//go:embed axe.min.js
var script string

// Start is an expression that begins a check of the page as it stands.
func Start() string {
	return script + `;
window.axeFound = undefined;
axe.run(document, {resultTypes: ["violations"]}).then(
	r => { window.axeFound = r.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(" | ")) },
	e => { window.axeFound = ["the check failed: " + e] });
true`
}

const (
	// Done is true when the check has ended.
	Done = `window.axeFound !== undefined`
	// Found is the list of violations, as strings.
	Found = `window.axeFound`
)
