//! `${NAME}` in the values of the config file.

use super::text::ConfigText;

/// Replaces every `${NAME}` by the environment variable of that name; `$${` stands for `${`. Errors
/// show the names of variables, but nothing of the text: it may be a password with `${` in it.
pub fn interpolate(
    text: &str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<ConfigText, String> {
    let mut result = String::with_capacity(text.len());
    let mut from_environment = false;
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        if let Some(escaped) = before.strip_suffix('$') {
            result.push_str(escaped);
            result.push_str("${");
            rest = after.get(2..).unwrap_or_default();
            continue;
        }
        result.push_str(before);
        let inner = after.get(2..).unwrap_or_default();
        let Some((name, tail)) = inner.split_once('}') else {
            return Err("`${` without its `}`; write `$${` for a literal `${`".to_owned());
        };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(
                "what stands between `${` and `}` is not the name of an environment variable; write `$${` for a literal `${`"
                    .to_owned(),
            );
        }
        let value = environment(name)
            .ok_or_else(|| format!("the environment variable {name} is not set (or not UTF-8)"))?;
        from_environment = true;
        result.push_str(&value);
        rest = tail;
    }
    result.push_str(rest);
    Ok(ConfigText::new(result, from_environment))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        (name == "NAME").then(|| "va${NAME}lue".to_owned())
    }

    #[test]
    fn variables_are_replaced_once_and_anywhere() {
        assert_eq!(
            interpolate("a${NAME}b${NAME}", &environment)
                .unwrap()
                .as_str(),
            "ava${NAME}lueb va${NAME}lue".replace(' ', "")
        );
        assert_eq!(
            interpolate("$5 $$ $${NAME}", &environment)
                .unwrap()
                .as_str(),
            "$5 $$ ${NAME}"
        );
    }

    #[test]
    fn what_came_from_the_environment_is_not_shown() {
        // Not even when the variable holds the very text that stands in the file.
        let same = |_: &str| Some("${NAME}".to_owned());
        for text in ["${NAME}", "a${NAME}"] {
            let value = interpolate(text, &same).unwrap();
            assert!(value.from_environment() && !format!("{value} {value:?}").contains("NAME"));
        }
        let literal = interpolate("$${NAME}", &same).unwrap();
        assert_eq!(literal.to_string(), "`${NAME}`");
    }

    #[test]
    fn an_unset_or_broken_variable_is_an_error() {
        assert!(
            interpolate("${OTHER}", &environment)
                .unwrap_err()
                .contains("OTHER")
        );
        assert!(
            interpolate("${NAME", &environment)
                .unwrap_err()
                .contains('}')
        );
        for password in ["hunter${2!}", "${hunter 2}", "${hunter2"] {
            let message = interpolate(password, &environment).unwrap_err();
            assert!(
                !message.contains("hunter") && !message.contains("2!"),
                "{message}"
            );
        }
    }
}
