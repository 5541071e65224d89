package page

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Text needs 4.5 : 1 against what it stands on, the edge of a control 3 : 1, in
// both themes.
func TestColoursAreReadableInBothThemes(t *testing.T) {
	raw, err := os.ReadFile("assets/input.css")
	if err != nil {
		t.Fatal(err)
	}
	css := string(raw)
	for theme, own := range map[string]string{
		"yunshi-light": `:root, [data-theme="yunshi-light"] {`,
		"yunshi-dark":  `[data-theme="yunshi-dark"] {`,
	} {
		colours := tokens(block(t, css, `name: "`+theme+`";`))
		for name, value := range tokens(block(t, css, "\n  "+own)) {
			colours[name] = value
		}
		for _, c := range []struct {
			front, back string
			least       float64
		}{
			{"color-base-content", "color-base-100", 4.5}, {"color-base-content", "color-base-200", 4.5},
			{"muted", "color-base-100", 4.5}, {"muted", "color-base-200", 4.5}, {"muted", "color-secondary", 4.5},
			{"color-primary", "color-base-100", 4.5}, {"color-primary", "color-base-200", 4.5}, {"color-primary", "wash", 4.5},
			{"color-primary-content", "color-primary", 4.5}, {"color-secondary-content", "color-secondary", 4.5}, {"color-neutral-content", "color-neutral", 4.5},
			{"color-success", "color-base-200", 4.5}, {"color-warning", "color-base-200", 4.5}, {"color-error", "color-base-200", 4.5}, {"color-info", "color-base-200", 4.5},
			{"color-success", "color-base-100", 4.5}, {"color-warning", "color-base-100", 4.5}, {"color-error", "color-base-100", 4.5}, {"color-info", "color-base-100", 4.5},
			{"color-error-content", "color-error", 4.5},
			{"control", "color-base-100", 3}, {"control", "color-base-200", 3},
		} {
			if got := contrast(t, colours[c.front], colours[c.back]); got < c.least {
				t.Errorf("%s: %s on %s is %.2f : 1, want %.1f", theme, c.front, c.back, got, c.least)
			}
		}
	}
}

// block is what follows a mark up to the closing brace.
func block(t *testing.T, css, mark string) string {
	t.Helper()
	_, rest, found := strings.Cut(css, mark)
	if !found {
		t.Fatalf("no %q in the style sheet", mark)
	}
	inside, _, _ := strings.Cut(rest, "}")
	return inside
}

var token = regexp.MustCompile(`--([a-z0-9-]+): (#[0-9a-f]{6});`)

func tokens(s string) map[string]string {
	out := map[string]string{}
	for _, m := range token.FindAllStringSubmatch(s, -1) {
		out[m[1]] = m[2]
	}
	return out
}

// contrast is the ratio of WCAG 2 between two colours, "#rrggbb".
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil || colour == "" {
		t.Fatalf("%q is no colour", colour)
	}
	part := func(v uint64) float64 {
		c := float64(v&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(n>>16) + 0.7152*part(n>>8) + 0.0722*part(n)
}
