package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"yunshi/internal/base/text"
	"yunshi/internal/edge/cli/clauseindex"
)

var small = clauseindex.Index{Clauses: []clauseindex.Clause{
	{
		ID: "4.3", ZH: "产品与账号绑定", EN: "Products are tied to one account",
		Rules:    []clauseindex.Rule{{Place: clauseindex.Place{File: "internal/market/entitlement/rules.go", Line: 12}, Function: "entitlement.mayUse", Says: "bound"}},
		Refusals: []clauseindex.Refusal{{Place: clauseindex.Place{File: "internal/market/entitlement/faults.go", Line: 7}, Code: "CLAUSE_UNKNOWN"}},
		Tests:    []clauseindex.Test{{Place: clauseindex.Place{File: "a_test.go", Line: 3}, Name: "TestClause_4_3_X", Allowed: []string{"allowed_own"}, Refused: []string{"refused_other"}, Engines: true}},
	},
	{
		ID: "P-1", ZH: "声明", EN: "Notices",
		Tests: []clauseindex.Test{{Place: clauseindex.Place{File: "internal/edge/shop/a_test.go", Line: 9}, Name: "TestClause_P_1_X", Shown: []string{"shown_zh"}}},
	},
	{ID: "4.4", ZH: "发票", EN: "Invoices", Missing: []string{"No invoices. The receipt."}},
}}

func TestAClauseSaysWhereItLivesAndWhatIsNotThere(t *testing.T) {
	for _, c := range []struct {
		lang text.Lang
		id   string
		want []string
	}{
		{text.EN, "4.3", []string{"Products are tied to one account", "[done]", "internal/market/entitlement/rules.go:12  entitlement.mayUse", "There is no such clause.", "a_test.go:3", "refused_other"}},
		{text.ZH, "UA 4.3", []string{"产品与账号绑定", "已实现", "拒绝情形", "没有这一条款。"}},
		{text.EN, "P-1", []string{"[shown]", "Rules\n  not software", "internal/edge/shop/a_test.go:9  TestClause_P_1_X", "shown_zh"}},
		{text.EN, "4.4", []string{"[not yet]", "Rules\n  not yet", "Tests\n  not yet", "No invoices."}},
	} {
		var out bytes.Buffer
		if err := printClause(&out, c.lang, small, c.id); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s in %s lacks %q:\n%s", c.id, c.lang, want, out.String())
			}
		}
	}
	if err := printClause(&bytes.Buffer{}, text.EN, small, "4.12"); !errors.Is(err, errNoClause) {
		t.Errorf("an unknown clause gives %v", err)
	}
	var out bytes.Buffer
	if err := listClauses(&out, text.ZH, small); err != nil || !strings.Contains(out.String(), "共 3 条：已实现 1 条，已展示 1 条，部分实现 0 条，尚未实现 1 条。") {
		t.Errorf("the list says %q, %v", out.String(), err)
	}
}
