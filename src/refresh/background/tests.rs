//! Tasks that pretend, on paused time.

use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use super::*;
use crate::{
    config,
    domain::Reason,
    sources::{count::Populations, helpscout::Telemetry, tickets::TicketSource},
};

const CONFIG: &str = "
helpscout: {app_id: a, app_secret: b, base_url: 'http://127.0.0.1:9/'}
interval: 5m
populations: {users: {total: {prometheus: {url: 'http://127.0.0.1:9/', query: users}}}}
";

/// What one step of a pretended task does.
#[derive(Clone, Copy)]
enum Act {
    /// More is to come.
    More,
    Good,
    Bad,
    /// Asks the help desk for a second.
    Asks,
    Hangs,
}

struct Pretended {
    source: Source,
    definition: u64,
    every: Duration,
    acts: Vec<Act>,
    steps: Arc<AtomicU32>,
    most_at_once: Arc<Mutex<(u32, u32)>>,
}

impl Task for Pretended {
    fn source(&self) -> Source {
        self.source.clone()
    }

    fn definition(&self) -> u64 {
        self.definition
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn step<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Step> {
        Box::pin(async move {
            let step = self.steps.fetch_add(1, Ordering::SeqCst) as usize;
            let ended = |failures| Step {
                finding: None,
                end: Some(Ended {
                    failures,
                    missing_past: None,
                }),
            };
            match self.acts[step.min(self.acts.len() - 1)] {
                Act::More => Step::default(),
                Act::Good => ended(Vec::new()),
                Act::Bad => ended(vec![SourceFailure {
                    reason: Reason::Connect,
                    segments: Vec::new(),
                    text: "no".to_owned(),
                }]),
                Act::Hangs => std::future::pending().await,
                Act::Asks => {
                    let turn = context.turn().await;
                    {
                        let mut at_once = self.most_at_once.lock().unwrap();
                        at_once.0 += 1;
                        at_once.1 = at_once.1.max(at_once.0);
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    self.most_at_once.lock().unwrap().0 -= 1;
                    drop(turn);
                    ended(Vec::new())
                }
            }
        })
    }
}

struct Scene {
    config: Arc<Config>,
    sources: Arc<Sources>,
    background: Background,
    steps: Arc<AtomicU32>,
    most_at_once: Arc<Mutex<(u32, u32)>>,
}

impl Scene {
    fn new(acts: &[(Source, &[Act])]) -> Self {
        let config = config::parse(CONFIG, "test.yml".as_ref(), &|_| None).unwrap();
        let sources = Sources {
            tickets: TicketSource::new(&config, &Telemetry::new().unwrap()).unwrap(),
            populations: Populations::new(&config).unwrap(),
        };
        let mut scene = Self {
            config: Arc::new(config),
            sources: Arc::new(sources),
            background: Background::new(Vec::new()),
            steps: Arc::default(),
            most_at_once: Arc::default(),
        };
        scene.background = Background::new(scene.tasks(acts, 1));
        scene
    }

    fn tasks(&self, acts: &[(Source, &[Act])], definition: u64) -> Vec<Box<dyn Task>> {
        let task = |(source, acts): &(Source, &[Act])| -> Box<dyn Task> {
            Box::new(Pretended {
                source: source.clone(),
                definition,
                every: Duration::from_hours(1),
                acts: acts.to_vec(),
                steps: Arc::clone(&self.steps),
                most_at_once: Arc::clone(&self.most_at_once),
            })
        };
        acts.iter().map(task).collect()
    }

    /// Whether something comes within `patience`.
    async fn within(&mut self, patience: Duration) -> Option<News> {
        let context = |turns| Context {
            config: Arc::clone(&self.config),
            sources: Arc::clone(&self.sources),
            now: Timestamp::now,
            turns,
        };
        tokio::time::timeout(patience, self.background.next(context))
            .await
            .ok()
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_before_the_first_refresh_has_ended() {
    let mut scene = Scene::new(&[(Source::Reasons, &[Act::Good])]);
    assert!(scene.within(Duration::from_hours(5)).await.is_none());
    scene.background.begin();
    assert!(scene.within(Duration::from_secs(1)).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_reading_of_many_steps_ends_once_and_comes_again_in_time() {
    let mut scene = Scene::new(&[(Source::History, &[Act::More, Act::More, Act::Good])]);
    scene.background.begin();
    let mut ended = Vec::new();
    for _ in 0..3 {
        let news = scene.within(Duration::from_secs(1)).await.unwrap();
        ended.push(news.outcome.is_some());
    }
    assert_eq!(ended, [false, false, true]);
    assert!(scene.within(Duration::from_mins(59)).await.is_none());
    assert!(scene.within(Duration::from_mins(2)).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_tried_again_with_the_next_refresh() {
    let mut scene = Scene::new(&[(Source::Reasons, &[Act::Bad, Act::Good])]);
    scene.background.begin();
    let first = scene.within(Duration::from_secs(1)).await.unwrap();
    assert_eq!(first.outcome.unwrap().failures.len(), 1);
    assert!(scene.within(Duration::from_secs(299)).await.is_none());
    let second = scene.within(Duration::from_secs(2)).await.unwrap();
    assert!(second.outcome.unwrap().failures.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_holds_up_no_other() {
    let mut scene = Scene::new(&[
        (Source::Visibility, &[Act::Hangs]),
        (Source::Reasons, &[Act::Good, Act::Good]),
    ]);
    scene.background.begin();
    let news = scene.within(Duration::from_secs(1)).await.unwrap();
    assert_eq!(news.source, Source::Reasons);
}

#[tokio::test(start_paused = true)]
async fn the_help_desk_is_asked_one_question_at_a_time() {
    let asks: &[Act] = &[Act::Asks];
    let mut scene = Scene::new(&[
        (Source::Reasons, asks),
        (Source::History, asks),
        (Source::Forecast, asks),
    ]);
    scene.background.begin();
    for _ in 0..3 {
        assert!(scene.within(Duration::from_secs(2)).await.is_some());
    }
    assert_eq!(*scene.most_at_once.lock().unwrap(), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_counts_the_same_after_a_reload_goes_on() {
    let acts: &[(Source, &[Act])] = &[
        (Source::Reasons, &[Act::Good]),
        (Source::Visibility, &[Act::Good]),
    ];
    let mut scene = Scene::new(acts);
    scene.background.begin();
    for _ in 0..2 {
        assert!(scene.within(Duration::from_secs(1)).await.is_some());
    }
    // The same again: nothing is due for an hour.
    let tasks = scene.tasks(acts, 1);
    assert!(scene.background.adopt(tasks).is_empty());
    assert!(scene.within(Duration::from_mins(59)).await.is_none());
    // One is gone, the other counts otherwise.
    let tasks = scene.tasks(&acts[..1], 2);
    let mut gone = scene.background.adopt(tasks);
    gone.sort();
    assert_eq!(gone, [Source::Reasons, Source::Visibility]);
    assert_eq!(scene.background.sources(), [Source::Reasons]);
    assert!(scene.within(Duration::from_secs(1)).await.is_some());
}
