package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3Config names a bucket of an S3-compatible store.
type S3Config struct {
	Endpoint  string // host:port, without a scheme
	Bucket    string // must exist
	Prefix    string // put before every key, such as "market/"; may be empty
	Region    string
	AccessKey string
	SecretKey string
	Insecure  bool // plain HTTP
	PathStyle bool // bucket in the path instead of the host name
}

// metaSHA256 is the user metadata that holds the hash of the content.
const metaSHA256 = "Sha256"

type s3 struct {
	core   minio.Core
	bucket string
	prefix string
}

// S3 returns a store in a bucket. It does not connect yet.
func S3(cfg S3Config) (Store, error) {
	if cfg.Bucket == "" {
		return nil, errors.New("blob: no S3 bucket")
	}
	lookup := minio.BucketLookupAuto
	if cfg.PathStyle {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.New(cfg.Endpoint, &minio.Options{
		Creds:        credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, ""),
		Secure:       !cfg.Insecure,
		Region:       cfg.Region,
		BucketLookup: lookup,
		MaxRetries:   3, // the job that wants the file tries again later
	})
	if err != nil {
		return nil, fmt.Errorf("blob: S3: %w", err)
	}
	return &s3{minio.Core{Client: client}, cfg.Bucket, cfg.Prefix}, nil
}

func (s *s3) Put(ctx context.Context, key string, r io.Reader) (Ref, error) {
	if err := checkPutKey(key); err != nil {
		return Ref{}, err
	}
	// Size and hash go out before the content, so the content waits on disk.
	temp, err := os.CreateTemp("", "yunshi-blob-*")
	if err != nil {
		return Ref{}, fmt.Errorf("blob: put %s: %w", key, err)
	}
	defer removeTemp(temp)
	size, sum, err := spool(ctx, temp, r)
	if err != nil {
		return Ref{}, fmt.Errorf("blob: put %s: %w", key, err)
	}
	final, err := finalKey(key, sum)
	if err != nil {
		return Ref{}, err
	}
	if _, err := temp.Seek(0, io.SeekStart); err != nil {
		return Ref{}, fmt.Errorf("blob: put %s: %w", key, err)
	}
	_, err = s.core.Client.PutObject(ctx, s.bucket, s.prefix+final, temp, size, minio.PutObjectOptions{
		ContentType:  "application/octet-stream", // never served from there to a browser
		UserMetadata: map[string]string{metaSHA256: sum},
	})
	if err != nil {
		return Ref{}, fmt.Errorf("blob: put %s: %w", key, err)
	}
	return Ref{Key: final, Size: size, SHA256: sum}, nil
}

func (s *s3) Open(ctx context.Context, key string) (io.ReadCloser, Ref, error) {
	r, ref, err := s.get(ctx, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, Ref{}, err
	}
	return check(r, ref), ref, nil
}

func (s *s3) OpenRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, Ref, error) {
	if err := checkKey(key); err != nil {
		return nil, Ref{}, err
	}
	info, err := s.core.StatObject(ctx, s.bucket, s.prefix+key, minio.StatObjectOptions{})
	if err != nil {
		return nil, Ref{}, s3Error(key, err)
	}
	ref := Ref{Key: key, Size: info.Size, SHA256: info.UserMetadata[metaSHA256]}
	if err := checkRange(ref, offset, length); err != nil {
		return nil, Ref{}, err
	}
	var options minio.GetObjectOptions
	if err := options.SetMatchETag(info.ETag); err != nil { // both answers speak of one content
		return nil, Ref{}, fmt.Errorf("blob: open %s: %w", key, err)
	}
	if length == 0 { // HTTP has no empty range
		return io.NopCloser(strings.NewReader("")), ref, nil
	}
	if err := options.SetRange(offset, offset+length-1); err != nil {
		return nil, Ref{}, fmt.Errorf("blob: open %s: %w", key, err)
	}
	r, _, err := s.get(ctx, key, options)
	if err != nil {
		return nil, Ref{}, err
	}
	return part{io.LimitReader(r, length), r}, ref, nil
}

func (s *s3) get(ctx context.Context, key string, options minio.GetObjectOptions) (io.ReadCloser, Ref, error) {
	if err := checkKey(key); err != nil {
		return nil, Ref{}, err
	}
	r, info, _, err := s.core.GetObject(ctx, s.bucket, s.prefix+key, options)
	if err != nil {
		return nil, Ref{}, s3Error(key, err)
	}
	ref := Ref{Key: key, Size: info.Size, SHA256: info.UserMetadata[metaSHA256]}
	if ref.SHA256 == "" {
		r.Close()
		return nil, Ref{}, fmt.Errorf("%w: %s has no recorded hash", ErrDamaged, key)
	}
	return r, ref, nil
}

func (s *s3) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	err := s.core.Client.RemoveObject(ctx, s.bucket, s.prefix+key, minio.RemoveObjectOptions{})
	if err = s3Error(key, err); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// s3Error names the key and recognises "not found" by the store's code.
func s3Error(key string, err error) error {
	if err == nil {
		return nil
	}
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return fmt.Errorf("%w: %s", ErrNotFound, key)
	}
	return fmt.Errorf("blob: %s: %w", key, err)
}
