package report

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/privacy"
)

// Own is everything that the market keeps about an account, in plain, made from the
// inventory: each column of persons that is not declared apart is in it. Tables
// without a row of the account are left out.
//
// Clause: PIPL 45 (a copy of the own data is whole, and holds nobody else's).
func Own(ctx context.Context, r db.Reader, id account.ID) ([]privacy.Sheet, error) {
	var all []privacy.Sheet
	for _, t := range privacy.Inventory() {
		for _, v := range t.Own {
			s, err := ownSheet(ctx, r, t, v, id)
			if err != nil {
				return nil, fmt.Errorf("report: own %s: %w", s.Table, err)
			}
			if len(s.Rows) > 0 {
				all = append(all, s)
			}
		}
	}
	return all, nil
}

// OwnTable is what a view of a table is called in a copy.
func OwnTable(t privacy.Table, v privacy.View) string {
	if v.As == "" {
		return t.Name
	}
	return t.Name + "." + v.As
}

// OwnColumn is what a column is called in a copy: what it says, not how it is kept.
func OwnColumn(column string) string {
	return strings.TrimSuffix(strings.TrimSuffix(column, "_sealed"), "_minor")
}

func ownSheet(ctx context.Context, r db.Reader, t privacy.Table, v privacy.View, id account.ID) (privacy.Sheet, error) {
	s := privacy.Sheet{Table: OwnTable(t, v)}
	columns := t.Shown(v)
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	rows, err := db.All(ctx, r, func(row db.Scanner) (map[string]string, error) { return ownRow(r, row, columns) },
		"SELECT "+strings.Join(names, ", ")+" FROM "+t.Name+" WHERE "+v.Rows+" ORDER BY "+names[0]+", "+names[min(1, len(names)-1)], string(id))
	if err != nil {
		return s, err
	}
	s.Rows = rows
	for _, c := range columns { // a value with parts takes several columns
		name := OwnColumn(c.Name)
		parts := map[string]bool{}
		for _, row := range rows {
			for key := range row {
				if key == name || strings.HasPrefix(key, name+".") {
					parts[key] = true
				}
			}
		}
		s.Columns = append(s.Columns, slices.Sorted(maps.Keys(parts))...)
	}
	return s, nil
}

// ownRow reads one row in the shapes of its columns.
func ownRow(r db.Reader, row db.Scanner, columns []privacy.Column) (map[string]string, error) {
	into := make([]any, len(columns))
	for i, c := range columns {
		switch c.Shape {
		case privacy.ShapeNumber, privacy.ShapeTime, privacy.ShapeMoney:
			into[i] = new(int64)
		case privacy.ShapeYes:
			into[i] = new(bool)
		case privacy.ShapeSealed:
			into[i] = new([]byte)
		default:
			into[i] = new(string)
		}
	}
	if err := row.Scan(into...); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for i, c := range columns {
		name := OwnColumn(c.Name)
		switch value := into[i].(type) {
		case *string:
			out[name] = *value
		case *bool:
			out[name] = fmt.Sprint(*value)
		case *int64:
			out[name] = fmt.Sprint(*value)
			if at := db.Time(*value); c.Shape == privacy.ShapeTime && at.IsZero() {
				out[name] = ""
			} else if c.Shape == privacy.ShapeTime {
				out[name] = at.UTC().Format(time.RFC3339)
			}
		}
	}
	for i, c := range columns { // what needs the rest of the row
		name := OwnColumn(c.Name)
		switch value := into[i].(type) {
		case *int64:
			if c.Shape == privacy.ShapeMoney {
				out[name] = money.Amount{Minor: *value, Currency: money.Currency(out["currency"])}.Plain()
			}
		case *[]byte:
			if len(*value) == 0 {
				out[name] = ""
				continue
			}
			plain, err := r.Keys().Open(*value, placeIn(c.Place, out))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
			unfold(out, name, plain)
		}
	}
	return out, nil
}

// placeIn puts the row into the place of a sealed column.
func placeIn(place string, row map[string]string) string {
	before, rest, _ := strings.Cut(place, "{")
	key, after, _ := strings.Cut(rest, "}")
	return before + row[OwnColumn(key)] + after
}

// unfold writes a sealed value; an object gets a column for each of its parts.
func unfold(out map[string]string, name, plain string) {
	var parts map[string]any
	if !strings.HasPrefix(plain, "{") || json.Unmarshal([]byte(plain), &parts) != nil {
		if plain == "null" {
			plain = ""
		}
		out[name] = plain
		return
	}
	for key, value := range parts {
		at := name + "." + key
		switch value := value.(type) {
		case nil:
			out[at] = ""
		case string:
			out[at] = value
		default:
			text, err := json.Marshal(value)
			if err != nil {
				continue // what was read as JSON is written as JSON
			}
			unfold(out, at, string(text))
		}
	}
}

// FileUsed reports whether a row of any table still names a stored file.
func FileUsed(ctx context.Context, r db.Reader, key string) (bool, error) {
	for _, t := range privacy.Inventory() {
		for _, column := range []string{"blob", "quarantine"} {
			if !slices.Contains(t.Columns(), column) {
				continue
			}
			n, err := db.Value[int64](ctx, r, "SELECT COUNT(*) FROM "+t.Name+" WHERE "+column+" = $1", key)
			if err != nil || n > 0 {
				return n > 0, err
			}
		}
	}
	return false, nil
}
