package arch

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
	"testing"
)

// Why a command needs no screen.
const (
	noWords  = "stores no words of a person"
	ours     = "the operator's own words, for which it answers itself"
	toUs     = "only the operator reads it, and who reports or appeals must be able to quote"
	toItself = "only who wrote it reads it"
)

// screenedCommands are those whose words others read, with the function of the market that has them pass package content.
var screenedCommands = map[string]string{
	"account.register": "account.Register", "account.add_user": "account.AddUser", "account.correct": "account.Correct", "staff.add": "account.AddUser",
	"agreement.comment": "agreement.Say",
	"catalog.submit":    "catalog.Submit", "product.submit": "catalog.Submit", "catalog.import": "catalog.Import",
	"catalog.hide": "catalog.Hide", "product.hide": "catalog.Hide", "catalog.delist": "catalog.Delist", "product.delist": "catalog.Delist",
	"file.add":   "catalog.AddFile",
	"claim.open": "complaint.Open", "claim.offer": "complaint.Offer", "claim.reply": "complaint.Reply", "claim.contact": "complaint.Talked",
	"claim.court": "complaint.Sue", "claim.end": "complaint.End", "claim.agree": "complaint.Agree",
	"complaint.submit": "complaint.Submit", "complaint.from_matter": "complaint.FromMatter", "complaint.answer": "complaint.AnswerAsVendor",
	"complaint.forward": "complaint.NotOurs", "complaint.contact": "complaint.Spoke", "complaint.escalate": "complaint.Escalate",
	"complaint.close": "complaint.Close", "complaint.reopen": "complaint.Reopen", "complaint.attach": "complaint.Attach",
	"delivery.mark_delivered": "delivery.MarkDelivered",
	"infringement.submit":     "infringement.Submit", "infringement.complete": "infringement.Complete", "infringement.counter": "infringement.Counter",
	"infringement.attach": "infringement.Attach", "infringement.filed": "infringement.Filed",
	"invoice.request": "invoice.RequestFor", "invoice.reject": "invoice.Reject",
	"message.say": "message.Say", "message.start": "message.Start",
	"privacy.relay": "privacy.Message", "privacy.ask": "privacy.Ask", "privacy.answer": "privacy.Answer",
	"refund.submit": "refund.Submit", "refund.answer": "refund.Counter", "refund.escalate": "refund.Escalate", "refund.matter.open": "refund.OpenMatter",
	"refund.matter.say": "refund.Say", "refund.matter.attach": "refund.Attach",
	"review.write": "review.Write", "review.answer": "review.Answer",
	"vendor.apply": "vendor.Apply", "vendor.change_profile": "vendor.ChangeProfile",
}

// unscreenedCommands are all others, by why.
var unscreenedCommands = map[string]string{
	noWords: `account.revoke_key account.sign_out agreement.accept agreement.display agreement.* catalog.revise catalog.save catalog.draft product.draft
		product.revise product.save catalog.unhide product.unhide delivery.confirm delivery.decline delivery.download delivery.replay
		delivery.reveal entitlement.move evidence.request infringement.confirm infringement.withdraw invoice.answer_red invoice.confirm invoice.download
		invoice.enter_red invoice.issue invoice.remove_title invoice.upload invoice.withdraw job.again message.read order.cancel order.mark_paid order.pay
		order.place payment.import_statement statement.import privacy.accept_annex privacy.call_off privacy.close privacy.export privacy.give privacy.reveal
		privacy.withdraw promotion.discount promotion.end_discount promotion.end_vouchers promotion.floor promotion.vouchers refund.accept refund.confirm
		refund.flag refund.transfer refund.withdraw report.identities report.tax report.confirm review.delete review.withdraw settlement.cancel_withdrawal
		settlement.charge settlement.deposit.return settlement.split.retry settlement.withdraw vendor.add_merchant vendor.set_hook vendor.take
		reconciliation.now`,
	ours: `agreement.ask_by_mail agreement.disable agreement.draft agreement.enable agreement.paper agreement.paper_decide agreement.paper_open agreement.reply
		catalog.add_category catalog.change_category catalog.review catalog.take complaint.decide complaint.mediate complaint.sort content.decide content.look
		content.open content.sending content.told content.report.answer content.term.add content.term.retire enforcement.claim.move enforcement.link_decide enforcement.look
		enforcement.measure enforcement.open identity.decide identity.reveal infringement.* knowledge.act listing.review listing.take operation.add_subjects
		operation.answer_contest operation.approve_end operation.assess operation.call_off_end operation.close_incident operation.close_interruption
		operation.confirm_cause operation.decline_end operation.open_incident operation.open_interruption operation.propose_end operation.publish_change
		operation.report_authority operation.state_cause operation.step_incident operation.step_interruption operation.tell_subjects operation.waive_notice
		privacy.* privacy.emergency privacy.propose privacy.purge reconciliation.decide reconciliation.explain reconciliation.propose refund.decide
		report.pass report.settle settlement.withdrawal.decide vendor.decide vendor.rest`,
	toUs:     `content.report enforcement.* enforcement.link_appeal enforcement.report identity.submit operation.contest report.submit settlement.answer_statement`,
	toItself: `account.create_key invoice.save_title`,
}

// commands finds the name of every intent that the edges run: the literal that stands for Name, or that is handed to a
// function as the parameter which does. A name that is put together ends in a star.
func commands(t *tree) map[string]string {
	type site struct {
		fn  *ast.FuncDecl
		pkg string
		arg ast.Expr
	}
	found, helpers := map[string]string{}, map[string]int{}
	key := func(pkg, name string) string {
		if ast.IsExported(name) {
			return name
		}
		return pkg + "." + name
	}
	take := func(s site) (again bool) {
		switch e := s.arg.(type) {
		case *ast.BasicLit:
			name, _ := stringOf(e)
			found[name] = t.at(e.Pos(), "command %s", name)
		case *ast.BinaryExpr:
			name, _ := stringOf(e.X)
			found[name+"*"] = t.at(e.Pos(), "command %s", name)
		case *ast.Ident:
			i := 0
			for _, p := range s.fn.Type.Params.List {
				for _, n := range p.Names {
					if n.Name == e.Name {
						k := key(s.pkg, s.fn.Name.Name)
						_, known := helpers[k]
						helpers[k] = i
						return !known
					}
					i++
				}
			}
			ast.Inspect(s.fn, func(n ast.Node) bool { // a variable that is set to literals
				if a, ok := n.(*ast.AssignStmt); ok {
					for i, l := range a.Lhs {
						if id, ok := l.(*ast.Ident); ok && id.Name == e.Name && i < len(a.Rhs) {
							if name, ok := stringOf(a.Rhs[i]); ok {
								found[name] = t.at(a.Pos(), "command %s", name)
							}
						}
					}
				}
				return true
			})
		}
		return false
	}
	for again := true; again; {
		again = false
		t.each(productFile, func(f *file) {
			if !below("internal/edge")(f.pkg.dir) || ast.IsGenerated(f.ast) {
				return
			}
			for _, d := range f.ast.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Body == nil {
					continue
				}
				ast.Inspect(fn.Body, func(n ast.Node) bool {
					switch c := n.(type) {
					case *ast.CompositeLit:
						if called(c.Type) != "Intent" {
							return true
						}
						for _, e := range c.Elts {
							if kv, ok := e.(*ast.KeyValueExpr); ok && called(kv.Key) == "Name" {
								again = take(site{fn, f.pkg.dir, kv.Value}) || again
							}
						}
					case *ast.CallExpr:
						fun := c.Fun
						if x, ok := fun.(*ast.IndexExpr); ok {
							fun = x.X
						}
						if i, ok := helpers[key(f.pkg.dir, called(fun))]; ok && i < len(c.Args) {
							again = take(site{fn, f.pkg.dir, c.Args[i]}) || again
						}
					}
					return true
				})
			}
		})
	}
	return found
}

// called is the last name of an expression: "Intent" of serve.Intent.
func called(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// market is the functions of the market's packages, by package and name.
func market(t *tree) map[string]map[string][]*ast.FuncDecl {
	all := map[string]map[string][]*ast.FuncDecl{}
	t.each(productFile, func(f *file) {
		pkg, inside := strings.CutPrefix(f.pkg.dir, "internal/market/")
		if !inside {
			return
		}
		if all[pkg] == nil {
			all[pkg] = map[string][]*ast.FuncDecl{}
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				all[pkg][fn.Name.Name] = append(all[pkg][fn.Name.Name], fn)
			}
		}
	})
	return all
}

// reachesScreen reports whether a function of the market, "order.Place", has words pass package content: itself or
// through functions of its own package. Account and agreement come before content and ask their caller's Words.
func reachesScreen(of map[string]map[string][]*ast.FuncDecl, function string) (exists, reaches bool) {
	pkg, name, _ := strings.Cut(function, ".")
	bodies := of[pkg]
	seen := map[string]bool{}
	var look func(name string) bool
	look = func(name string) bool {
		if seen[name] {
			return false
		}
		seen[name] = true
		hit := false
		for _, fn := range bodies[name] {
			ast.Inspect(fn, func(n ast.Node) bool {
				c, ok := n.(*ast.CallExpr)
				if !ok || hit {
					return !hit
				}
				if s, ok := c.Fun.(*ast.SelectorExpr); ok {
					x, _ := s.X.(*ast.Ident)
					if x != nil && x.Name == "content" {
						hit = hit || slices.Contains([]string{"Must", "Screen", "Form"}, s.Sel.Name)
						return true
					}
					if s.Sel.Name == "Listed" || s.Sel.Name == "Pass" && (pkg == "account" || pkg == "agreement") {
						hit = true
						return true
					}
				}
				hit = hit || look(called(c.Fun))
				return true
			})
		}
		return hit
	}
	return len(bodies[name]) > 0, look(name)
}

// wordsAreScreened: every command of the edges is listed, as one whose words pass the screen or with the reason why not.
func wordsAreScreened(t *tree) (found []string) {
	listed := map[string]bool{}
	for _, names := range unscreenedCommands {
		for _, name := range strings.Fields(names) {
			listed[name] = true
		}
	}
	all, functions := commands(t), market(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		function, screened := screenedCommands[name]
		switch {
		case screened && listed[name]:
			found = append(found, fmt.Sprintf("%s is listed as screened and as not", name))
		case screened:
			if exists, reaches := reachesScreen(functions, function); !exists {
				found = append(found, fmt.Sprintf("%s: there is no function %s", name, function))
			} else if !reaches {
				found = append(found, fmt.Sprintf("%s: %s stores words that did not pass package content", all[name], function))
			}
		case !listed[name]:
			found = append(found, all[name]+" is not listed in screened_test.go: do others read its words?")
		}
	}
	return found
}

// namesAreAsked: package account cannot ask package content, so every form of names that the edges make carries the words.
func namesAreAsked(t *tree) (found []string) {
	t.each(productFile, func(f *file) {
		if !below("internal/edge")(f.pkg.dir) {
			return
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			c, ok := n.(*ast.CompositeLit)
			if !ok || len(c.Elts) == 0 || called(c.Type) != "Registration" && called(c.Type) != "NewUser" {
				return true
			}
			if s, ok := c.Type.(*ast.SelectorExpr); !ok || called(s.X) != "account" {
				return true
			}
			if !slices.ContainsFunc(c.Elts, func(e ast.Expr) bool { kv, ok := e.(*ast.KeyValueExpr); return ok && called(kv.Key) == "Words" }) {
				found = append(found, t.at(c.Pos(), "account.%s without Words: its names pass no screen", called(c.Type)))
			}
			return true
		})
	})
	return found
}

func TestEveryWordThatOthersReadIsScreened(t *testing.T) {
	edge := "package shop\nfunc f(c *Call) { serve.Act(c, serve.Intent{Name: "
	written := source{
		"internal/edge/shop/a.go":       edge + "\"review.write\"}, nil) }",
		"internal/market/review/a.go":   "package review\nfunc Write() { check() }\nfunc check() { content.Must() }",
		"internal/market/review/b_x.go": "package review\nfunc Answer() {}",
	}
	rule{
		name: "words_are_screened", check: wordsAreScreened,
		planted: []source{
			{"internal/edge/shop/a.go": edge + "\"poem.write\"}, nil) }"},
			{"internal/edge/shop/a.go": "package shop\nfunc act(c *Call, name string) { serve.Act(c, serve.Intent{Name: name}, nil) }\nfunc g(c *Call) { act(c, \"poem.write\") }"},
			{"internal/edge/shop/a.go": edge + "\"poem.\" + do}, nil) }"},
			{"internal/edge/shop/a.go": edge + "\"review.answer\"}, nil) }", "internal/market/review/a.go": "package review\nfunc Answer() {}"},
			{"internal/edge/shop/a.go": edge + "\"review.answer\"}, nil) }", "internal/market/review/a.go": "package review\nfunc Reply() { content.Must() }"},
		},
		allowed: []source{written, {"internal/edge/shop/a.go": edge + "\"order.cancel\"}, nil) }"}},
	}.prove(t)
	rule{
		name: "names_are_asked", check: namesAreAsked,
		planted: []source{{"internal/edge/shop/a.go": "package shop\nvar x = account.NewUser{Name: n}"}},
		allowed: []source{
			{"internal/edge/shop/a.go": "package shop\nvar x = account.NewUser{Name: n, Words: content.Words(content.Person)}"},
			{"internal/edge/shop/a.go": "package shop\nvar x = invoice.Registration{Name: n}"},
		},
	}.prove(t)
	tree, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	all := commands(tree)
	for _, name := range slices.Sorted(maps.Keys(screenedCommands)) {
		if all[name] == "" {
			t.Errorf("%s is listed, and nothing runs it", name)
		}
	}
	for _, names := range unscreenedCommands {
		for _, name := range strings.Fields(names) {
			if all[name] == "" {
				t.Errorf("%s is listed, and nothing runs it", name)
			}
		}
	}
}
