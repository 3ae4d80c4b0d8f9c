//! `multipart/form-data`, as Node, Go, Java, PHP and .NET send it.

use super::content;
use super::malformed::Malformed;
use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use std::convert::Infallible;

/// The text fields of a multipart body, in order. Names may be quoted or not; a part may name its charset (UTF-8 by
/// default, ISO-8859-1 from Java); parts with a file name are read like any other (reference/voximplant.md §1.6.4).
pub(super) async fn parse(content_type: &str, body: Bytes) -> Result<Vec<(String, String)>, Malformed> {
    let boundary = multer::parse_boundary(content_type).map_err(|_| Malformed::Multipart)?;
    let mut parts = multer::Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
    let mut pairs = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(|_| Malformed::Multipart)? {
        let Some(name) = part.name().map(str::to_owned) else {
            return Err(Malformed::Multipart);
        };
        let kind = part.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let charset = content::charset(kind)?;
        let bytes = part.bytes().await.map_err(|_| Malformed::Multipart)?;
        pairs.push((name, charset.decode(&bytes)?));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(body: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
        parse("multipart/form-data; boundary=\"B\"", Bytes::copy_from_slice(body)).await
    }

    #[tokio::test]
    async fn quoted_and_unquoted_names_charsets_and_file_parts_are_read() {
        let body = b"--B\r\nContent-Disposition: form-data; name=\"cmd\"\r\n\r\nAddUser\r\n\
            --B\r\nContent-Disposition: form-data; name=bare\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\xd0\x98\r\n\
            --B\r\nContent-Disposition: form-data; name=\"latin\"\r\nContent-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xe9\r\n\
            --B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n\r\n--B--\r\n";
        let expected = [("cmd", "AddUser"), ("bare", "И"), ("latin", "é"), ("file", "")];
        assert_eq!(read(body).await.unwrap(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[tokio::test]
    async fn charsets_go_by_all_their_names_and_a_byte_order_mark_is_nothing() {
        let body = b"--B\r\nContent-Disposition: form-data; name=a\r\nContent-Type: text/plain; charset=utf8\r\n\r\n\xd0\x98\r\n\
            --B\r\nContent-Disposition: form-data; name=b\r\nContent-Type: text/plain; charset=\"latin1\"\r\n\r\n\xe9\r\n\
            --B\r\nContent-Disposition: form-data; name=c\r\n\r\n\xef\xbb\xbfx\r\n--B--\r\n";
        let expected = [("a", "И"), ("b", "é"), ("c", "x")];
        assert_eq!(read(body).await.unwrap(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[tokio::test]
    async fn broken_bodies_are_refused() {
        for broken in [
            &b""[..],
            b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1",
            b"--B\r\nContent-Disposition: form-data\r\n\r\n1\r\n--B--\r\n",
            b"no boundary at all",
        ] {
            assert_eq!(read(broken).await, Err(Malformed::Multipart), "{broken:?}");
        }
        let utf16 = b"--B\r\nContent-Disposition: form-data; name=a\r\nContent-Type: text/plain; charset=utf-16\r\n\r\n1\r\n--B--\r\n";
        assert_eq!(read(utf16).await, Err(Malformed::Charset));
    }
}
