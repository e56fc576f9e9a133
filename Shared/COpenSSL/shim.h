#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

/* Swift cannot see these, because OpenSSL spells them as macros with arguments. */
static inline int martlet_tls_restrict(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    return (int)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

static inline long martlet_bio_eof_is_retry(BIO *bio) {
    return BIO_set_mem_eof_return(bio, -1);
}
