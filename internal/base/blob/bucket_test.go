package blob_test

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// bucket is one S3 bucket in memory: objects with metadata and ETag, ranges,
// If-Match, multipart uploads. It does not check signatures.
type bucket struct {
	addr    string
	mu      sync.Mutex
	objects map[string]object
	uploads map[string]*upload
	uploadN int
}

type object struct {
	content []byte
	meta    http.Header
}

func (o object) etag() string {
	h := md5.Sum(o.content)
	return `"` + hex.EncodeToString(h[:]) + `"`
}

type upload struct {
	meta  http.Header
	parts map[int][]byte
}

func newBucket(t *testing.T) *bucket {
	b := &bucket{objects: map[string]object{}, uploads: map[string]*upload{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	b.addr = strings.TrimPrefix(server.URL, "http://")
	return b
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, ok := strings.CutPrefix(r.URL.Path, "/files/")
	if !ok {
		refuse(w, http.StatusNotFound, "NoSuchBucket")
		return
	}
	body, err := payload(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "IncompleteBody")
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	query := r.URL.Query()
	up := b.uploads[query.Get("uploadId")]
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		b.uploadN++
		id := strconv.Itoa(b.uploadN)
		b.uploads[id] = &upload{meta(r), map[int][]byte{}}
		answer(w, struct {
			XMLName               xml.Name `xml:"InitiateMultipartUploadResult"`
			Bucket, Key, UploadId string
		}{Bucket: "files", Key: key, UploadId: id})
	case query.Has("uploadId") && up == nil:
		refuse(w, http.StatusNotFound, "NoSuchUpload")
	case r.Method == http.MethodPut && up != nil:
		n, _ := strconv.Atoi(query.Get("partNumber"))
		up.parts[n] = body
		w.Header().Set("ETag", object{content: body}.etag())
	case r.Method == http.MethodPost && up != nil:
		var whole []byte
		for n := 1; n <= len(up.parts); n++ {
			whole = append(whole, up.parts[n]...)
		}
		delete(b.uploads, query.Get("uploadId"))
		b.objects[key] = object{whole, up.meta}
		answer(w, struct {
			XMLName           xml.Name `xml:"CompleteMultipartUploadResult"`
			Bucket, Key, ETag string
		}{Bucket: "files", Key: key, ETag: b.objects[key].etag()})
	case r.Method == http.MethodDelete && up != nil:
		delete(b.uploads, query.Get("uploadId"))
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPut:
		b.objects[key] = object{body, meta(r)}
		w.Header().Set("ETag", b.objects[key].etag())
	case r.Method == http.MethodDelete:
		delete(b.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		o, ok := b.objects[key]
		if !ok {
			refuse(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		for name, values := range o.meta {
			w.Header()[name] = values
		}
		w.Header().Set("ETag", o.etag())
		// ServeContent answers ranges and If-Match as S3 does. The copy keeps later
		// damage to the stored bytes out of this answer.
		http.ServeContent(w, r, "", time.Unix(1_700_000_000, 0), bytes.NewReader(bytes.Clone(o.content)))
	default:
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
}

func meta(r *http.Request) http.Header {
	kept := http.Header{"Content-Type": {"application/octet-stream"}}
	for name, values := range r.Header {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			kept[name] = values
		}
	}
	return kept
}

// payload returns the body of a request, without the chunk frames that clients
// put around it for signing: "<hex size>;chunk-signature=…\r\n<bytes>\r\n".
func payload(r *http.Request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return io.ReadAll(r.Body)
	}
	var content []byte
	for in := bufio.NewReader(r.Body); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		digits, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		size, err := strconv.ParseInt(digits, 16, 64)
		if err != nil {
			return nil, err
		}
		if size == 0 {
			want := r.Header.Get("X-Amz-Decoded-Content-Length")
			if want != strconv.Itoa(len(content)) {
				return nil, fmt.Errorf("%d bytes of %s", len(content), want)
			}
			return content, nil
		}
		chunk := make([]byte, size+2)
		if _, err := io.ReadFull(in, chunk); err != nil {
			return nil, err
		}
		content = append(content, chunk[:size]...)
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(v) // the client notices a cut answer
}
