//! `${NAME}` in the values of the config file.

/// Replaces every `${NAME}` by the environment variable of that name; `$${` stands for `${`.
pub fn interpolate(
    text: &str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut result = String::with_capacity(text.len());
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
            return Err(format!(
                "`${{{name}}}` is not the name of an environment variable; write `$${{` for a literal `${{`"
            ));
        }
        let value = environment(name)
            .ok_or_else(|| format!("the environment variable {name} is not set (or not UTF-8)"))?;
        result.push_str(&value);
        rest = tail;
    }
    result.push_str(rest);
    Ok(result)
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
            interpolate("a${NAME}b${NAME}", &environment).unwrap(),
            "ava${NAME}lueb va${NAME}lue".replace(' ', "")
        );
        assert_eq!(
            interpolate("$5 $$ $${NAME}", &environment).unwrap(),
            "$5 $$ ${NAME}"
        );
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
        assert!(interpolate("${a b}", &environment).is_err());
    }
}
