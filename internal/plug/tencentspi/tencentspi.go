// Package tencentspi delivers through the interface that vendors of the Tencent
// Cloud marketplace have built already, so such a vendor changes only an address.
//
// The dialect's own signature leaves the body out. Each call therefore carries
// the headers of Standard Webhooks as well, which cover it: a vendor that knows
// them is safe, one that does not sees headers it ignores.
//
// Owns: translating a call of package delivery to that dialect and back. Does not
// own: which addresses may be called (outbound), when to repeat (delivery).
package tencentspi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"yunshi/internal/market/delivery"
	"yunshi/internal/plug/outbound"
	"yunshi/spi"
)

// timeout is how long the dialect lets a vendor think.
const timeout = 5 * time.Second

// openIDSize is the length of a customer's name in this dialect.
const openIDSize = 32

// Hook speaks the dialect.
type Hook struct{ client *outbound.Client }

// New makes the adapter over the guarded client.
func New(client *outbound.Client) Hook { return Hook{client} }

var _ delivery.Provisioner = Hook{}

// Dialect is the name that products choose the dialect by.
func (Hook) Dialect() string { return delivery.HookTencent }

// Provision makes one signed call.
func (h Hook) Provision(ctx context.Context, c delivery.Call) (delivery.Result, error) {
	if len(c.Endpoint.Secrets) == 0 {
		return delivery.Result{}, spi.ErrSecret
	}
	ask, err := request(c)
	if err != nil {
		return delivery.Result{}, err
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return delivery.Result{}, fmt.Errorf("tencentspi: %w", err)
	}
	header := http.Header{}
	// A token that the vendor brought from elsewhere is no key for these headers.
	if err := spi.SignRequest(header, string(c.ID), c.At, body, c.Endpoint.Secrets...); err != nil && !errors.Is(err, spi.ErrSecret) {
		return delivery.Result{}, err
	}
	answer, err := h.client.Do(ctx, outbound.Post{
		Address: c.Endpoint.URL, Query: spi.TencentQuery(c.Endpoint.Secrets[0], c.At, c.Nonce), Header: header, Body: body, Timeout: timeout,
	})
	result := delivery.Result{Exchange: delivery.Exchange{Status: answer.Status, Request: body, Response: answer.Body, Duration: answer.Duration}}
	if err != nil {
		return result, err
	}
	if answer.Status != http.StatusOK {
		return result, fmt.Errorf("tencentspi: status %d", answer.Status)
	}
	return read(result, c)
}

// request is the body of the call's action.
func request(c delivery.Call) (any, error) {
	open := c.OpenID[:min(len(c.OpenID), openIDSize)]
	call := spi.TencentCall{
		OrderID: c.Order, AccountID: open, OpenID: open, ProductID: c.Number, ResourceID: string(c.Entitlement), RequestID: string(c.ID),
	}
	unit, count := term(c.Term)
	product := spi.TencentProductInfo{ProductName: c.Name, Spec: c.PlanCode, TimeSpan: count, TimeUnit: unit}
	var extend *spi.TencentExtendInfo
	if c.Quantity > 1 { // the dialect has no field for it
		extend = &spi.TencentExtendInfo{Comment: "quantity=" + strconv.FormatInt(c.Quantity, 10)}
	}
	switch c.Action {
	case delivery.Verify:
		return spi.TencentVerify{Action: spi.TencentActionVerify, RequestID: string(c.ID), Echoback: string(c.ID)}, nil
	case delivery.Create:
		call.Action = spi.TencentActionCreate
		return spi.TencentCreate{TencentCall: call, ProductInfo: product, ExtendInfo: extend, UserCollectionInfo: c.Fields}, nil
	case delivery.Renew:
		call.Action = spi.TencentActionRenew
		return spi.TencentRenew{
			TencentCall: call, SignID: c.Instance, InstanceExpireTime: spi.FormatTencentTime(c.ExpiresAt), ProductInfo: product, ExtendInfo: extend,
			UserCollectionInfo: c.Fields,
		}, nil
	case delivery.Expire:
		call.Action = spi.TencentActionExpire
	case delivery.Destroy:
		call.Action = spi.TencentActionDestroy
	default:
		return nil, fmt.Errorf("tencentspi: no action is called %q", c.Action)
	}
	return spi.TencentEnd{TencentCall: call, SignID: c.Instance}, nil
}

// read takes the vendor's answer over into the result.
func read(result delivery.Result, c delivery.Call) (delivery.Result, error) {
	switch c.Action {
	case delivery.Verify:
		var said spi.TencentVerifyAnswer
		if err := json.Unmarshal(result.Exchange.Response, &said); err != nil || said.Echoback != string(c.ID) {
			return result, spi.ErrMalformed
		}
		return result, nil
	case delivery.Create:
		var said struct {
			spi.TencentCreateAnswer
			Success string `json:"success"` // "false": the only way to say no to a create
		}
		err := json.Unmarshal(result.Exchange.Response, &said)
		if err == nil && said.SignID == "" && said.Success == "false" {
			return result, delivery.ErrRefused
		}
		if err != nil || said.SignID == "" || len(said.SignID) > spi.MaxInstanceID {
			return result, spi.ErrMalformed
		}
		if said.SignID == spi.TencentPending {
			return result, delivery.ErrPending
		}
		result.Instance, result.Website, result.AdminURL = said.SignID, said.AppInfo.Website, said.AppInfo.AuthURL
		for _, info := range said.AdditionalInfo[:min(len(said.AdditionalInfo), spi.MaxCredentials)] {
			result.Credentials = append(result.Credentials, delivery.Credential{Name: info.Name, Value: info.Value, Secret: secret(info.Name)})
		}
		return result, nil
	}
	var said spi.TencentAnswer
	if err := json.Unmarshal(result.Exchange.Response, &said); err != nil {
		return result, spi.ErrMalformed
	}
	if said.Success != "true" {
		return result, errors.New("tencentspi: the vendor answered success=false")
	}
	if said.AppInfo != nil {
		result.Website, result.AdminURL = said.AppInfo.Website, said.AppInfo.AuthURL
	}
	return result, nil
}

// secret guesses from its name whether a value of this dialect is one, because
// the dialect does not say.
func secret(name string) bool {
	lower := strings.ToLower(name)
	return slices.ContainsFunc([]string{"password", "passwd", "pwd", "secret", "token", "key", "密码", "口令", "密钥", "令牌"},
		func(word string) bool { return strings.Contains(lower, word) })
}

// term is the dialect's unit and count. What has no end is bought once.
func term(t delivery.Term) (unit string, count int64) {
	switch t.Unit {
	case delivery.Day:
		return "d", int64(t.Count)
	case delivery.Month:
		return "m", int64(t.Count)
	case delivery.Year:
		return "y", int64(t.Count)
	}
	return "t", 1
}
