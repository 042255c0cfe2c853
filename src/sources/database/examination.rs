//! Asks the database for samples of what a query compares, before its answer is believed.

use tokio::time::Instant;

use super::{
    SqlError, Statement,
    comparison::{SAMPLE, judge},
    connection::Open,
};

/// Looks at everything that `statement` compares with its placeholders. Takes a third of the time
/// there is at most.
pub(super) async fn examine(
    open: &mut Open,
    statement: &Statement,
    limit: Instant,
) -> Result<(), SqlError> {
    let now = Instant::now();
    let until = now + limit.saturating_duration_since(now) / 3;
    let mut is_known = true;
    for comparison in statement.comparisons() {
        let mut sampled = Vec::new();
        let mut at_home = false;
        for from in comparison.samples() {
            for sample in from {
                if Instant::now() >= until {
                    break;
                }
                match open.sample(sample, SAMPLE, until).await {
                    Ok(rows) => {
                        at_home = true;
                        sampled.extend(rows);
                    }
                    Err(error) => {
                        tracing::debug!(reason = %error.reason(), "a comparison could not be looked at");
                    }
                }
            }
            if at_home {
                break;
            }
        }
        // An empty table says nothing of the rows to come. What could not be sampled will not be
        // by asking at every reading.
        is_known &= !at_home || !sampled.is_empty();
        judge(comparison, statement.dialect(), &sampled)?;
    }
    if is_known {
        statement.was_examined();
    }
    Ok(())
}
