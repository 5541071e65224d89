// Package arch holds no code, only tests: what the architecture promises about the whole tree.
//
// Owns: the import rules of the rings and the order of the market packages; where HTTP, SQL drivers, transactions,
// clocks and chance may appear; which package may name which table; package comments and names; the form and the
// coverage of clause comments; that every SQL constant is accepted by both engines; the dumped schema.
// Does not own: what a rule of the market says. A test here never looks at behaviour.
//
// Always true: every rule is a function over a parsed tree and is proved twice, once on this repository, where it
// must find nothing, and once on a planted violation, which it must find. A rule that cannot fail is not a rule.
package arch
