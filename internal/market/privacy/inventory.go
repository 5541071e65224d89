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
	ClassProof   Class = "proof"   // for ever: ids and hashes that lead to nobody once the account is erased
	ClassMarket  Class = "market"  // nobody is in it
)

// Table is what the inventory says of a table. Persons are the columns that hold
// or lead to a person; Others all the rest.
type Table struct {
	Name      string          `json:"-"`
	Purpose   string          `json:"purpose"`
	Basis     Basis           `json:"basis"`
	Retention Class           `json:"retention"`
	Persons   map[string]Kind `json:"persons"`
	Others    string          `json:"others"`
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
	if !slices.Contains([]Class{ClassAccount, ClassLog, ClassTrade, ClassInvoice, ClassSharing, ClassProof, ClassMarket}, t.Retention) {
		return fmt.Errorf("privacy: %s: no class of retention %q", t.Name, t.Retention)
	}
	if t.Purpose == "" || len(t.Persons) > 0 && (t.Basis == BasisNone || t.Retention == ClassMarket) {
		return fmt.Errorf("privacy: %s holds persons without a purpose, a basis or a time", t.Name)
	}
	if !slices.Contains([]Basis{BasisContract, BasisLaw, BasisConsent, BasisNone}, t.Basis) {
		return fmt.Errorf("privacy: %s: no basis %q", t.Name, t.Basis)
	}
	for column, kind := range t.Persons {
		if _, known := kinds[kind]; !known {
			return fmt.Errorf("privacy: %s.%s: no kind %q", t.Name, column, kind)
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
	Kinds     []Kind // pseudonyms left out
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
			if kinds[kind] == Pseudonym {
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
