package privacy

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

// inventory says of every column of every table what it is for. A package has one
// file; whoever adds a table or a column adds it there, or a test fails.
//
//go:embed inventory/*.json
var inventory embed.FS

// Kind is a kind of personal data.
type Kind string

// Sensitivity says how much harm a leak would do.
type Sensitivity string

// The sensitivities.
const (
	Pseudonym Sensitivity = "pseudonym" // leads to a person only with another table
	Ordinary  Sensitivity = "ordinary"
	Sensitive Sensitivity = "sensitive" // handled only where necessary, with a consent of its own
)

// kinds are the kinds of personal data that a column may hold.
var kinds = map[Kind]Sensitivity{
	"person_id": Pseudonym, "lookup": Pseudonym, "name": Ordinary, "email": Ordinary, "mobile": Ordinary, "password": Sensitive,
	"network": Ordinary, "device": Ordinary, "id_number": Sensitive, "bank_account": Sensitive, "words": Ordinary, "message": Ordinary,
	"contact": Ordinary, "seller": Ordinary, "invoice_title": Sensitive, "passed_on": Ordinary, "access": Sensitive, "file": Ordinary, "payer": Sensitive,
	"claimant": Ordinary,
}

// Basis is why the handling is lawful.
type Basis string

// The bases. None is allowed only where a table holds nobody.
const (
	BasisContract Basis = "contract"
	BasisLaw      Basis = "law"
	BasisConsent  Basis = "consent"
	BasisNone     Basis = "none"
)

// Class says for how long something is kept.
type Class string

// The classes of retention. What a class means in days is a setting of the
// rulebook.
const (
	ClassAccount Class = "account" // while the account lives, and its grace
	ClassLog     Class = "log"     // months after the event
	ClassTrade   Class = "trade"   // years after the last trade
	ClassInvoice Class = "invoice" // years after the last invoice
	ClassSharing Class = "sharing" // years after what it records
	ClassCase    Class = "case"    // years after the matter ended
	ClassRecord  Class = "record"  // as long as the trade stands in the books: who sold, as a business
	ClassProof   Class = "proof"   // without an end: numbers and hashes, which lead to a person only while the account is not erased
	ClassMarket  Class = "market"  // nobody is in it
)

// Table is what the inventory says of a table. Persons are the columns that hold
// or lead to a person; Others all the rest. A table with persons says either how an
// account gets the rows that are its own, or why it gets none.
type Table struct {
	Name      string          `json:"-"`
	Purpose   string          `json:"purpose"`
	Basis     Basis           `json:"basis"`
	Retention Class           `json:"retention"`
	Persons   map[string]Kind `json:"persons"`
	Others    string          `json:"others"`
	Own       []View          `json:"own"`
	Apart     Reason          `json:"apart"`
}

// View is the part of a table that an account gets in its copy: the rows, the
// further columns beside those of persons, where a sealed one was sealed, and which
// of the persons' are not shown, and why. A column of persons that is not named
// here is shown.
type View struct {
	As     string            `json:"as"`   // tells two views of one table apart
	Rows   string            `json:"rows"` // condition in SQL; $1 is the account
	With   string            `json:"with"` // "id at:time amount:money"
	Sealed map[string]string `json:"sealed"`
	Apart  map[string]Reason `json:"apart"`
}

// Reason is why a column, or a table, is not in the copy of an account.
type Reason string

// The reasons for a column.
const (
	ApartSelf    Reason = "self"    // the account itself, the same in each row
	ApartOthers  Reason = "others"  // of or about somebody else
	ApartDerived Reason = "derived" // a keyed hash of what is shown elsewhere
	ApartSecret  Reason = "secret"  // whoever has it could act as the person
	ApartFile    Reason = "file"    // where a file lies; the file is given out on its page
	ApartInner   Reason = "inner"   // a note of the operator's people for themselves
)

// The reasons for a table.
const (
	ApartStaff    Reason = "staff"    // only the operator's people are in it
	ApartWork     Reason = "work"     // what the program keeps to do its work once, with ids alone
	ApartUnlinked Reason = "unlinked" // no account leads to it
)

// kindsApart are the kinds of columns that a reason may be given for; nil is any.
var kindsApart = map[Reason][]Kind{
	ApartSelf: {"person_id"}, ApartOthers: nil, ApartDerived: {"lookup"}, ApartSecret: {"lookup", "password", "device", "access"}, ApartFile: {"file", "invoice_title"},
	ApartInner: {"words"},
}

// Shape is how a value of a copy is written.
type Shape string

// The shapes. Text is as it stands.
const (
	ShapeText   Shape = ""
	ShapeNumber Shape = "int"
	ShapeTime   Shape = "time"
	ShapeMoney  Shape = "money" // in the row's currency
	ShapeYes    Shape = "yes"
	ShapeSealed Shape = "sealed"
)

// Column is a column of a view. Place is where a sealed one was sealed, with the
// column in braces that stands for the row: "complaint_step.note/{complaint}".
type Column struct {
	Name  string
	Shape Shape
	Place string
}

// Shown are the columns that a view of a table shows, those with which a row begins
// first.
func (t Table) Shown(v View) (all []Column) {
	for part := range strings.FieldsSeq(v.With) {
		name, shape, _ := strings.Cut(part, ":")
		all = append(all, Column{Name: name, Shape: Shape(shape)})
	}
	for _, name := range slices.Sorted(maps.Keys(t.Persons)) {
		if _, apart := v.Apart[name]; apart {
			continue
		}
		c := Column{Name: name}
		if place, sealed := v.Sealed[name]; sealed {
			c.Shape, c.Place = ShapeSealed, place
		}
		all = append(all, c)
	}
	return all
}

// Columns are all columns that are declared.
func (t Table) Columns() []string {
	return append(slices.Sorted(maps.Keys(t.Persons)), strings.Fields(t.Others)...)
}

// Inventory is every table that is declared, in the order of their names.
func Inventory() []Table { return declared() }

var declared = sync.OnceValue(func() []Table {
	all, err := parseInventory(inventory)
	if err != nil {
		panic(err) // the file is part of the binary and read by a test
	}
	return all
})

// parseInventory reads the declarations and refuses one with a gap.
func parseInventory(files fs.FS) ([]Table, error) {
	names, err := fs.Glob(files, "inventory/*.json")
	if err != nil {
		return nil, err
	}
	var all []Table
	for _, name := range names {
		source, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		var tables map[string]Table
		if err := json.Unmarshal(source, &tables); err != nil {
			return nil, fmt.Errorf("privacy: %s: %w", name, err)
		}
		owner := strings.TrimSuffix(path.Base(name), ".json")
		for table, t := range tables {
			if t.Name = table; !strings.HasPrefix(table, owner+"_") {
				return nil, fmt.Errorf("privacy: %s declares %s, which is not its package's", name, table)
			}
			if err := t.whole(); err != nil {
				return nil, err
			}
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b Table) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// whole refuses a declaration that leaves something open.
//
// Clause: PIPL 17 (people are told who handles what, why and for how long).
func (t Table) whole() error {
	if !slices.Contains([]Class{ClassAccount, ClassLog, ClassTrade, ClassInvoice, ClassSharing, ClassCase, ClassRecord, ClassProof, ClassMarket}, t.Retention) {
		return fmt.Errorf("privacy: %s: no class of retention %q", t.Name, t.Retention)
	}
	if t.Purpose == "" || len(t.Persons) > 0 && (t.Basis == BasisNone || t.Retention == ClassMarket) {
		return fmt.Errorf("privacy: %s holds persons without a purpose, a basis or a time", t.Name)
	}
	if !slices.Contains([]Basis{BasisContract, BasisLaw, BasisConsent, BasisNone}, t.Basis) {
		return fmt.Errorf("privacy: %s: no basis %q", t.Name, t.Basis)
	}
	for column, kind := range t.Persons {
		sensitivity, known := kinds[kind]
		if !known {
			return fmt.Errorf("privacy: %s.%s: no kind %q", t.Name, column, kind)
		}
		if t.Retention == ClassProof && sensitivity != Pseudonym {
			return fmt.Errorf("privacy: %s.%s: kept without an end, and more than a number", t.Name, column)
		}
		if t.Retention == ClassRecord && sensitivity != Pseudonym && kind != "seller" && kind != "contact" {
			return fmt.Errorf("privacy: %s.%s: kept with the books, and more than who sold", t.Name, column)
		}
	}
	switch {
	case len(t.Persons) == 0:
		if len(t.Own) > 0 || t.Apart != "" {
			return fmt.Errorf("privacy: %s holds nobody, and is given to somebody", t.Name)
		}
		return nil
	case len(t.Own) == 0 && !slices.Contains([]Reason{ApartStaff, ApartWork, ApartUnlinked}, t.Apart), len(t.Own) > 0 && t.Apart != "":
		return fmt.Errorf("privacy: %s says neither which rows are an account's own nor why none are, or both", t.Name)
	}
	for _, v := range t.Own {
		if err := t.wholeView(v); err != nil {
			return err
		}
	}
	return nil
}

// wholeView refuses a view that cannot be read, or that leaves out what it may not.
//
// Clause: PIPL 45 (a person gets a copy of the own data: all of it, and nobody else's).
func (t Table) wholeView(v View) error {
	if !strings.Contains(v.Rows, "$1") {
		return fmt.Errorf("privacy: %s: its rows are not those of an account", t.Name)
	}
	others := strings.Fields(t.Others)
	for column, why := range v.Apart {
		allowed, known := kindsApart[why]
		kind, person := t.Persons[column]
		if !known || !person || allowed != nil && !slices.Contains(allowed, kind) {
			return fmt.Errorf("privacy: %s.%s: not apart for %q", t.Name, column, why)
		}
	}
	for _, c := range t.Shown(v) {
		_, person := t.Persons[c.Name]
		switch {
		case !person && !slices.Contains(others, c.Name):
			return fmt.Errorf("privacy: %s.%s is shown and not there", t.Name, c.Name)
		case strings.HasSuffix(c.Name, "_sealed") && c.Place == "":
			return fmt.Errorf("privacy: %s.%s: no place at which it opens", t.Name, c.Name)
		case !slices.Contains([]Shape{ShapeText, ShapeNumber, ShapeTime, ShapeMoney, ShapeYes, ShapeSealed}, c.Shape):
			return fmt.Errorf("privacy: %s.%s: no shape %q", t.Name, c.Name, c.Shape)
		}
	}
	for column := range v.Sealed {
		if _, person := t.Persons[column]; !person || v.Apart[column] != "" {
			return fmt.Errorf("privacy: %s.%s is opened and not shown", t.Name, column)
		}
	}
	return nil
}

// Activity is one thing the market does with personal data: a line of the privacy
// notice.
type Activity struct {
	Purpose   string
	Basis     Basis
	Retention Class
	Kinds     []Kind // pseudonyms left out, but where they are all that is kept
	Sensitive bool
}

// Activities are what the notice tells, made from the inventory, so that notice
// and program cannot differ.
func Activities() []Activity {
	type key struct {
		purpose string
		basis   Basis
		class   Class
	}
	found := map[key]map[Kind]bool{}
	for _, t := range Inventory() {
		for _, kind := range t.Persons {
			if kinds[kind] == Pseudonym && t.Retention != ClassProof {
				continue
			}
			k := key{t.Purpose, t.Basis, t.Retention}
			if found[k] == nil {
				found[k] = map[Kind]bool{}
			}
			found[k][kind] = true
		}
	}
	var all []Activity
	for k, set := range found {
		a := Activity{Purpose: k.purpose, Basis: k.basis, Retention: k.class, Kinds: slices.Sorted(maps.Keys(set))}
		a.Sensitive = slices.ContainsFunc(a.Kinds, func(kind Kind) bool { return kinds[kind] == Sensitive })
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b Activity) int {
		return strings.Compare(a.Purpose+string(a.Retention)+string(a.Basis), b.Purpose+string(b.Retention)+string(b.Basis))
	})
	return all
}
