//! A server of the test's own that speaks HTTP and misbehaves as it is told.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What it answers to a request.
#[derive(Clone)]
pub enum Answer {
    /// A status, headers, and a body of the right length.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// As many bytes are announced; these come, then the line is closed.
    Lying(usize, Vec<u8>),
    /// Bytes without end.
    Endless,
    /// Nothing, ever.
    Hang,
    /// The line is reset.
    Reset,
    /// Another, after a time.
    Late(Duration, Box<Answer>),
}

impl Answer {
    pub fn status(status: u16) -> Answer {
        Answer::Whole(status, Vec::new(), Vec::new())
    }

    pub fn json(status: u16, json: &Value) -> Answer {
        let kind = ("Content-Type", "application/json".to_owned());
        Answer::Whole(status, vec![kind], json.to_string().into_bytes())
    }

    pub fn file(kind: &str, bytes: Vec<u8>) -> Answer {
        Answer::Whole(200, vec![("Content-Type", kind.to_owned())], bytes)
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: Instant,
    pub path: String,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
pub struct Seen {
    pub asked: Mutex<Vec<Asked>>,
    pub connections: AtomicUsize,
    pub open: AtomicUsize,
    in_flight: AtomicUsize,
    pub most_in_flight: AtomicUsize,
}

impl Seen {
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn gaps(&self) -> Vec<Duration> {
        self.asked().windows(2).map(|pair| pair[1].at - pair[0].at).collect()
    }

    /// Waits until no line is open.
    pub async fn is_left_alone(&self) -> bool {
        for _ in 0..500 {
            if self.open.load(Ordering::SeqCst) == 0 {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }
}

/// The server; it ends when it is dropped.
pub struct Stub {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
    _tasks: JoinSet<()>,
}

struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Counted<'a> {
        count.fetch_add(1, Ordering::SeqCst);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Stub {
    /// Serves what the closure says to the n-th request, counted from 0.
    pub async fn new(serve: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static) -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let (serve, told) = (Arc::new(serve), Arc::clone(&seen));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut lines = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (serve, seen) = (Arc::clone(&serve), Arc::clone(&told));
                lines.spawn(async move {
                    seen.connections.fetch_add(1, Ordering::SeqCst);
                    let _open = Counted::new(&seen.open);
                    let mut stream = stream;
                    while let Some(asked) = read(&mut stream).await {
                        let number = {
                            let mut list = seen.asked.lock().unwrap();
                            list.push(asked.clone());
                            list.len() - 1
                        };
                        let _now = Counted::new(&seen.in_flight);
                        let now = seen.in_flight.load(Ordering::SeqCst);
                        seen.most_in_flight.fetch_max(now, Ordering::SeqCst);
                        if !answer(&mut stream, serve(number, &asked)).await {
                            return;
                        }
                    }
                });
                while lines.try_join_next().is_some() {}
            }
        });
        Stub { address, seen, _tasks: tasks }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Reads a request; `None` where the line ends.
async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let at = Instant::now();
    let text = String::from_utf8(head).ok()?;
    let mut lines = text.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Asked { at, path, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
}

/// Answers; says whether the line goes on.
fn answer(stream: &mut TcpStream, answer_: Answer) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
    Box::pin(async move {
        match answer_ {
            Answer::Whole(status, headers, body) => {
                let mut head = format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                head.push_str("\r\n");
                stream.write_all(head.as_bytes()).await.is_ok() && stream.write_all(&body).await.is_ok()
            }
            Answer::Lying(length, body) => {
                let head = format!("HTTP/1.1 200 Said\r\nContent-Length: {length}\r\n\r\n");
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(&body).await;
                let _ = stream.shutdown().await;
                false
            }
            Answer::Endless => {
                let _ = stream.write_all(b"HTTP/1.1 200 Said\r\nContent-Type: audio/wav\r\n\r\n").await;
                let chunk = vec![0x55; 256 << 10];
                while stream.write_all(&chunk).await.is_ok() {}
                false
            }
            Answer::Hang => {
                // Until the other side goes.
                let _ = stream.read_u8().await;
                false
            }
            Answer::Reset => {
                let _ = stream.set_zero_linger();
                false
            }
            Answer::Late(after, then) => {
                tokio::time::sleep(after).await;
                answer(stream, *then).await
            }
        }
    })
}
