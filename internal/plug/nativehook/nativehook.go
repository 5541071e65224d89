// Package nativehook delivers through the market's own protocol for vendors,
// which package spi describes.
//
// Owns: translating a call of package delivery to that protocol and back. Does
// not own: which addresses may be called (outbound), when to repeat (delivery).
package nativehook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"yunshi/internal/market/delivery"
	"yunshi/internal/plug/outbound"
	"yunshi/spi"
)

// timeout is how long the protocol lets a vendor think.
const timeout = 15 * time.Second

// Hook speaks the protocol.
type Hook struct{ client *outbound.Client }

// New makes the adapter over the guarded client.
func New(client *outbound.Client) Hook { return Hook{client} }

var _ delivery.Provisioner = Hook{}

// Dialect is the name that products choose the protocol by.
func (Hook) Dialect() string { return delivery.HookNative }

// Provision makes one signed call.
func (h Hook) Provision(ctx context.Context, c delivery.Call) (delivery.Result, error) {
	ask := spi.Request{
		ID: string(c.ID), Action: spi.Action(c.Action), OrderID: c.Order, EntitlementID: string(c.Entitlement), InstanceID: c.Instance,
		OpenID: c.OpenID, ProductSlug: c.Slug, PlanCode: c.PlanCode, Quantity: c.Quantity, Term: term(c.Term), ExpiresAt: c.ExpiresAt,
		Test: c.Test, Fields: c.Fields,
	}
	if err := ask.Check(); err != nil {
		return delivery.Result{}, err
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return delivery.Result{}, fmt.Errorf("nativehook: %w", err)
	}
	header := http.Header{}
	if err := spi.SignRequest(header, ask.ID, c.At, body, c.Endpoint.Secrets...); err != nil {
		return delivery.Result{}, err
	}
	answer, err := h.client.Do(ctx, outbound.Post{Address: c.Endpoint.URL, Header: header, Body: body, Timeout: timeout})
	result := delivery.Result{Exchange: delivery.Exchange{Status: answer.Status, Request: body, Response: answer.Body, Duration: answer.Duration}}
	if err != nil {
		return result, err
	}
	switch answer.Status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity:
		var no spi.Refusal
		if json.Unmarshal(answer.Body, &no) == nil {
			result.Refusal = no.Code
		}
		return result, fmt.Errorf("%w: status %d", delivery.ErrRefused, answer.Status)
	case http.StatusGone:
		result.Refusal = "ENDPOINT_GONE"
		return result, fmt.Errorf("%w: the address is gone", delivery.ErrRefused)
	}
	if answer.Status < 200 || answer.Status > 299 {
		return result, fmt.Errorf("nativehook: status %d", answer.Status)
	}
	return read(result, ask)
}

// read takes the vendor's answer over into the result.
func read(result delivery.Result, ask spi.Request) (delivery.Result, error) {
	var said spi.Response
	if err := json.Unmarshal(result.Exchange.Response, &said); err != nil {
		return result, spi.ErrMalformed
	}
	if err := said.Check(ask); err != nil {
		return result, err
	}
	if said.Status == spi.StatusPending {
		return result, delivery.ErrPending
	}
	result.Instance, result.Notes = said.InstanceID, said.Notes
	if said.App != nil {
		result.Website, result.AdminURL = said.App.Website, said.App.AdminURL
		for _, c := range said.App.Credentials {
			result.Credentials = append(result.Credentials, delivery.Credential{Name: c.Name, Value: c.Value, Secret: c.Secret})
		}
	}
	return result, nil
}

func term(t delivery.Term) spi.Term {
	unit := map[string]spi.TermUnit{delivery.Day: spi.UnitDay, delivery.Month: spi.UnitMonth, delivery.Year: spi.UnitYear}[t.Unit]
	if unit == "" {
		return spi.Term{Unit: spi.UnitLifetime, Count: 1}
	}
	return spi.Term{Unit: unit, Count: int64(t.Count)}
}
