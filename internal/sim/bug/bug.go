// Package bug switches one of the defects on that tests of the simulation plant
// into copies of the product's sources. No source of the product imports it.
package bug

import "sync/atomic"

var planted atomic.Value

// Plant switches a defect on, and every other off.
func Plant(name string) { planted.Store(name) }

// On reports whether a defect is the one that is on.
func On(name string) bool {
	is, _ := planted.Load().(string)
	return is == name
}
