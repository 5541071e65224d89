package client_test

import (
	"context"
	"errors"
	"log"

	"yunshi/client"
)

// Buying one of a plan: read the quote, send back what was seen, pay where the
// answer says. The key makes the purchase happen once, also when the program is
// started again in between.
func ExampleClient_PlaceOrder() {
	ctx := context.Background()
	market := client.New("https://market.example", "ysk_…")

	me, err := market.Me(ctx)
	if err != nil {
		log.Fatal(err)
	}
	quote, err := market.Quote(ctx, "pln_…", 1)
	if err != nil {
		log.Fatal(err)
	}
	order, replayed, err := market.PlaceOrder(ctx, "purchase-2026-0042", client.Purchase{
		Plan: quote.Plan, Quantity: quote.Quantity, For: me.Account, TermsSHA256: quote.TermsSHA256, Total: quote.Fee.Paid,
		Gateway: quote.Gateways[0], AcceptTerms: true,
	})
	if refusal, ok := errors.AsType[*client.Problem](err); ok {
		log.Fatalf("%s (%s): %s", refusal.Title, refusal.Clause, refusal.Next)
	}
	if err != nil {
		log.Fatal(err)
	}
	log.Print(order.ID, order.State, replayed)
}
