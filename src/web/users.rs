//! Basic authentication against bcrypt hashes.
//!
//! bcrypt is slow on purpose, so it runs on threads of its own, two checks at a time. A password that
//! was good once is known again by a keyed hash, and then waits for nobody. Whoever is not known
//! queues: one check at a time for each client, clients in turns.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use arc_swap::ArcSwapOption;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::header::HeaderValue;
use rustls::crypto::ring::default_provider;
use sha2::Sha256;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::settings::{Error, User};
use crate::config::Secret;

/// Checks at a time.
const MOST_CHECKS: usize = 2;

/// The keyed hash of a name, a bcrypt hash, and a password that fits it.
type Digest = [u8; 32];

/// Those who may ask.
pub struct Users {
    users: Vec<Known>,
    shared: Arc<Shared>,
}

struct Known {
    name: String,
    hash: Secret,
    /// The password that was good last.
    good: ArcSwapOption<Digest>,
}

/// What outlives a change of the users.
struct Shared {
    key: [u8; 32],
    checks: Arc<Semaphore>,
    /// One check at a time for each client that has any.
    lanes: Mutex<HashMap<IpAddr, Weak<Semaphore>>>,
}

impl Users {
    /// The users of a web config. Passwords that were good stay known if `predecessor` has the same
    /// user with the same hash. `None` where there are no users: everybody may ask.
    pub fn new(users: &[User], predecessor: Option<&Self>) -> Result<Option<Self>, Error> {
        if users.is_empty() {
            return Ok(None);
        }
        let shared = match predecessor {
            Some(predecessor) => Arc::clone(&predecessor.shared),
            None => Arc::new(Shared::new()?),
        };
        let known = users.iter().map(|user| {
            let before = predecessor.and_then(|predecessor| predecessor.find(user.name.as_bytes()));
            let before = before.filter(|before| before.hash == user.hash);
            Known {
                name: user.name.clone(),
                hash: user.hash.clone(),
                good: ArcSwapOption::new(before.and_then(|before| before.good.load_full())),
            }
        });
        Ok(Some(Self {
            users: known.collect(),
            shared,
        }))
    }

    fn find(&self, name: &[u8]) -> Option<&Known> {
        self.users.iter().find(|user| user.name.as_bytes() == name)
    }

    /// Whether the client at `peer` may ask with this `Authorization` header.
    pub async fn allow(&self, authorization: Option<&HeaderValue>, peer: IpAddr) -> bool {
        let Some((name, password)) = authorization.and_then(credentials) else {
            return false;
        };
        let found = self.find(&name);
        // Somebody unknown takes as long as some user: always the same one for the same name.
        let Some(user) = found.or_else(|| self.decoy(&name)) else {
            return false;
        };
        let digest = self.shared.digest(user, &name, &password);
        let is_good = || {
            let good = user.good.load();
            found.is_some() && good.as_deref() == Some(&digest)
        };
        if is_good() {
            return true;
        }
        let Some(turn) = self.shared.turn(peer).await else {
            return false;
        };
        // Another request may have shown the same password meanwhile.
        if is_good() {
            return true;
        }
        let hash = user.hash.clone();
        let check = tokio::task::spawn_blocking(move || {
            // Held until the work is done, even if the client does not wait for it.
            let _turn = turn;
            bcrypt::verify(&*password, hash.expose()).unwrap_or(false)
        });
        let fits = check.await.unwrap_or(false);
        if fits && found.is_some() {
            user.good.store(Some(Arc::new(digest)));
        }
        fits && found.is_some()
    }

    fn decoy(&self, name: &[u8]) -> Option<&Known> {
        let digest = self.shared.keyed(&[name]);
        let number = digest.iter().fold(0, |number, byte| {
            (number * 256 + usize::from(*byte)) % self.users.len()
        });
        self.users.get(number)
    }
}

impl Shared {
    fn new() -> Result<Self, Error> {
        let mut key = [0; 32];
        default_provider()
            .secure_random
            .fill(&mut key)
            .map_err(|_| Error::Random)?;
        Ok(Self {
            key,
            checks: Arc::new(Semaphore::new(MOST_CHECKS)),
            lanes: Mutex::new(HashMap::new()),
        })
    }

    fn digest(&self, user: &Known, name: &[u8], password: &[u8]) -> Digest {
        self.keyed(&[name, user.hash.expose().as_bytes(), password])
    }

    fn keyed(&self, parts: &[&[u8]]) -> Digest {
        // A key may have any length.
        let Ok(mut hash) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            return Digest::default();
        };
        for part in parts {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into_bytes().into()
    }

    /// Waits for a check: first behind the same client's others, then behind other clients' one.
    async fn turn(&self, peer: IpAddr) -> Option<[OwnedSemaphorePermit; 2]> {
        let lane = self.lane(client(peer));
        // Neither is ever closed.
        let own = lane.acquire_owned().await.ok()?;
        let check = Arc::clone(&self.checks).acquire_owned().await.ok()?;
        Some([own, check])
    }

    fn lane(&self, client: IpAddr) -> Arc<Semaphore> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(&client).and_then(Weak::upgrade) {
            return lane;
        }
        lanes.retain(|_, lane| lane.strong_count() > 0);
        let lane = Arc::new(Semaphore::new(1));
        lanes.insert(client, Arc::downgrade(&lane));
        lane
    }
}

/// Whom an address stands for: of IPv6, everybody has a network of 64 bits.
fn client(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// Name and password of a header (RFC 7617).
fn credentials(authorization: &HeaderValue) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, rest) = authorization.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(rest.trim_ascii()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let (name, password) = decoded.split_at(colon);
    Some((name.to_vec(), password.get(1..)?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    fn users(entries: &[(&str, &str)], predecessor: Option<&Users>) -> Users {
        let users: Vec<User> = entries
            .iter()
            .map(|(name, password)| User {
                name: (*name).to_owned(),
                hash: Secret::new(
                    bcrypt::hash_with_salt(password, 4, [7; 16])
                        .unwrap()
                        .to_string(),
                ),
            })
            .collect();
        Users::new(&users, predecessor).unwrap().unwrap()
    }

    fn basic(name: &str, password: &str) -> HeaderValue {
        let encoded = STANDARD.encode(format!("{name}:{password}"));
        HeaderValue::try_from(format!("Basic {encoded}")).unwrap()
    }

    #[tokio::test]
    async fn only_who_is_known_with_the_right_password_may_ask() {
        let users = users(&[("prometheus", "s:cret"), ("bob", "")], None);
        for _ in 0..2 {
            assert!(
                users
                    .allow(Some(&basic("prometheus", "s:cret")), PEER)
                    .await
            );
            assert!(users.allow(Some(&basic("bob", "")), PEER).await);
            for (name, password) in [
                ("prometheus", "s:cre"),
                ("prometheus", ""),
                ("Prometheus", "s:cret"),
                ("", "s:cret"),
                ("nobody", "s:cret"),
                ("nobody", ""),
            ] {
                let header = basic(name, password);
                assert!(!users.allow(Some(&header), PEER).await, "{name}:{password}");
            }
        }
        assert!(!users.allow(None, PEER).await);
        for header in [
            "",
            "Basic",
            "Basic ",
            "Basic !",
            "Bearer cDpz",
            "Basic cA==",
        ] {
            let header = HeaderValue::from_static(header);
            assert!(!users.allow(Some(&header), PEER).await, "{header:?}");
        }
        let lower = basic("prometheus", "s:cret");
        let lower = lower.to_str().unwrap().replace("Basic", "bAsIc  ");
        assert!(users.allow(Some(&lower.try_into().unwrap()), PEER).await);
    }

    #[tokio::test]
    async fn a_good_password_waits_for_nobody_and_survives_a_change_of_others() {
        let before = users(&[("prometheus", "one"), ("bob", "two")], None);
        assert!(before.allow(Some(&basic("prometheus", "one")), PEER).await);
        let after = users(&[("prometheus", "one"), ("bob", "three")], Some(&before));
        // All checks are taken: only what is known is answered.
        let all = u32::try_from(MOST_CHECKS).unwrap();
        let taken = after.shared.checks.acquire_many(all).await.unwrap();
        assert!(after.allow(Some(&basic("prometheus", "one")), PEER).await);
        let bob = basic("bob", "three");
        let mut waiting = std::pin::pin!(after.allow(Some(&bob), PEER));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(taken);
        assert!(waiting.await);
        let changed = users(&[("prometheus", "other")], Some(&after));
        assert!(!changed.allow(Some(&basic("prometheus", "one")), PEER).await);
    }

    #[tokio::test]
    async fn a_client_with_many_tries_does_not_keep_another_waiting() {
        let users = Arc::new(users(&[("prometheus", "one")], None));
        let all = u32::try_from(MOST_CHECKS).unwrap();
        let taken = users.shared.checks.acquire_many(all).await.unwrap();
        let crowd: Vec<_> = (0..50)
            .map(|number| {
                let users = Arc::clone(&users);
                let header = basic("prometheus", &number.to_string());
                tokio::spawn(async move { users.allow(Some(&header), PEER).await })
            })
            .collect();
        tokio::task::yield_now().await;
        let header = basic("prometheus", "one");
        let other: IpAddr = [192, 0, 2, 1].into();
        let mut waiting = std::pin::pin!(users.allow(Some(&header), other));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(taken);
        assert!(waiting.await);
        let unanswered = crowd.iter().filter(|task| !task.is_finished()).count();
        assert!(unanswered > 40, "{unanswered}");
    }

    #[test]
    fn neighbours_of_ipv6_are_one_client() {
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let other: IpAddr = "2001:db8::ffff:2".parse().unwrap();
        let far: IpAddr = "2001:db8:0:1::1".parse().unwrap();
        assert_eq!(client(one), client(other));
        assert_ne!(client(one), client(far));
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(client(mapped), IpAddr::from([192, 0, 2, 1]));
    }
}
