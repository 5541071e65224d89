package page

import (
	"fmt"
	"strings"
)

// Point is one value of a series. Text is the value as people read it
// ("¥1,980.00"); Value only decides the height.
type Point struct {
	Label string
	Value int64
	Text  string
}

// Series is a small set of values. Finding is the title and says what is seen
// ("Sales doubled in October"); Axis names what is counted.
type Series struct {
	Finding string
	Axis    string
	Points  []Point
}

// Stat is one number of a desk.
type Stat struct {
	Label string
	Value string
	Note  string
	Tone  Tone    // of the note
	Href  string  // the list behind the number; "" for none
	Trend []Point // drawn as a sparkline; may be empty
}

func (s Series) max() int64 {
	var top int64 = 1
	for _, p := range s.Points {
		top = max(top, p.Value)
	}
	return top
}

// Geometry of the bar chart in its own units; a character is about 7 wide.
const (
	chartWidth  = 440
	chartFloor  = 168
	chartTop    = 28
	chartLetter = 7
)

// bar is one column. Text and Label are empty where they would run into their
// neighbours; the table below the chart has them all.
type bar struct {
	Text, Label     string
	X, Y, W, H, Mid int
	LabelMid        int // where the label is centred: inside the picture
}

// bars lays the points side by side; a negative value has no height.
func (s Series) bars() []bar {
	if len(s.Points) == 0 {
		return nil
	}
	step := chartWidth / len(s.Points)
	width := max(min(step*6/10, 56), 1)
	longestText, longestLabel := 1, 1
	for _, p := range s.Points {
		longestText = max(longestText, letters(p.Text))
		longestLabel = max(longestLabel, letters(p.Label))
	}
	every := 1 + (longestLabel+1)*chartLetter/max(step, 1)
	half := longestLabel * chartLetter / 2
	out := make([]bar, len(s.Points))
	for i, p := range s.Points {
		h := int(float64(max(p.Value, 0)) / float64(s.max()) * (chartFloor - chartTop))
		x := i*step + (step-width)/2
		out[i] = bar{X: x, Y: chartFloor - h, W: width, H: h, Mid: x + width/2, LabelMid: min(max(x+width/2, half), chartWidth-half)}
		if longestText*chartLetter <= step {
			out[i].Text = p.Text
		}
		if i%every == 0 {
			out[i].Label = p.Label
		}
	}
	return out
}

// letters is the width of a text in Latin letters; a Han character takes two.
func letters(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x2E80 {
			n++
		}
	}
	return n
}

// sparkline returns the corners of a line in a box of 100 by 30.
func sparkline(points []Point) string {
	if len(points) < 2 {
		return ""
	}
	low, high := points[0].Value, points[0].Value
	for _, p := range points {
		low, high = min(low, p.Value), max(high, p.Value)
	}
	spread := max(high-low, 1)
	var b strings.Builder
	for i, p := range points {
		x := float64(i) * 100 / float64(len(points)-1)
		y := 27 - float64(p.Value-low)*24/float64(spread)
		fmt.Fprintf(&b, "%.1f,%.1f ", x, y)
	}
	return strings.TrimSpace(b.String())
}
